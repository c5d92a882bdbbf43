declare module 'seedrandom/lib/xor128.js' {
  export interface Generator {
    (): number;
    int32(): number;
    quick(): number;
    double(): number;
  }
  export default function xor128(seed?: number | string): Generator;
}
