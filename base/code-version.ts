// base/code-version.ts: which etcdsim made a record. Equal to the version in package.json; a test keeps it so.
export const CODE_VERSION = '0.1.0';
