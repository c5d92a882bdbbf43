import {createHmac, type createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify} from 'node:crypto';
import {describe, expect, test} from 'vitest';
import {Random} from '../../base/random.ts';
import {authBehavioursOf} from './behaviours.ts';
import {callerOf} from './call-checks.ts';
import {parseGoDuration} from './go-duration.ts';
import {base64Of, fromBase64, hashPassword, isPasswordOf, usableCost} from './passwords.ts';
import {expectOk, finish, outcomeOf, passwordChange, TestClock, TestServer} from './test-auth.ts';
import {makeTokenProvider} from './token-options.ts';

const NO_FILES: ReadonlyMap<string, Uint8Array> = new Map();
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

function environment() {
  return {clock: new TestClock(), random: Random.fromSeed('tokens')};
}

function make(authToken: string, {release = '3.6.0', files = NO_FILES, env = environment()} = {}) {
  return makeTokenProvider(env, {authToken, authTokenTtlUs: 0, files}, authBehavioursOf(release));
}

function provider(authToken: string, options: Parameters<typeof make>[1] = {}) {
  const outcome = make(authToken, options);
  if (outcome.kind === 'refused') throw new Error(outcome.message);
  return outcome.provider;
}

describe('simple tokens', () => {
  test.each([
    ['3.3.25', 14],
    ['3.4.23', 14],
    ['3.5.16', 13],
    ['3.6.0', 13],
  ])('%s: sixteen letters, a dot, index %d from entry 14', (release, index) => {
    const server = new TestServer(release);
    server.setUp({}, {});
    const token = server.login('root', 'pw');
    expect(server.appliedIndex).toBe(14);
    expect(token).toMatch(/^[a-zA-Z]{16}\.\d+$/);
    expect(server.store.awaitedIndex(token)).toBe(index);
  });

  test('from 3.5.3 on a member that has applied all but the entry refuses the token', () => {
    const outcome = (release: string): string => {
      const [member, peer] = [new TestServer(release), new TestServer(release)];
      for (const server of [member, peer]) server.setUp({}, {});
      const token = member.login('root', 'pw');
      try {
        return peer.caller(token)?.username ?? 'nobody';
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(outcome('3.4.23')).toBe('waits for index 14');
    expect(outcome('3.5.16')).toBe('etcdserver: invalid auth token');
  });

  test('five minutes without use, looked at each second', () => {
    const server = new TestServer('3.5.16');
    server.setUp({}, {});
    const token = server.login('root', 'pw');
    server.clock.advance(299);
    expect(server.caller(token)?.username).toBe('root');
    server.clock.advance(300);
    expect(server.caller(token)?.username).toBe('root');
    server.clock.advance(300.5);
    expect(server.caller(token)?.username).toBe('root');
    server.clock.advance(301);
    expect(() => server.caller(token)).toThrow('invalid auth token');
  });

  test('gone when auth goes off, when the user goes, when the password changes', () => {
    const server = new TestServer('3.6.0');
    server.setUp({alice: [], bob: []}, {});
    const root = server.login('root', 'pw');
    const tokens = ['alice', 'bob'].map((name) => server.login(name, 'pw'));
    expectOk(finish(server.api.userDelete({name: 'bob'}, root)));
    expect(() => server.caller(tokens[1])).toThrow('invalid auth token');
    expect(server.caller(tokens[0])?.username).toBe('alice');
    expectOk(finish(server.api.userChangePassword(passwordChange('alice', 'x'), root)));
    expect(() => server.caller(tokens[0])).toThrow('invalid auth token');
    expectOk(finish(server.api.authDisable(root)));
    expectOk(finish(server.api.authEnable(undefined)));
    expect(() => server.caller(root)).toThrow('invalid auth token');
  });

  test('all members that apply the entry know the token', () => {
    const servers = [new TestServer('3.5.16'), new TestServer('3.5.16', {seed: 9})] as const;
    for (const server of servers) server.setUp({}, {});
    const prefix = servers[0].store.drawTokenPrefix();
    const request = {name: 'root', password: '', simpleToken: prefix};
    const answers = servers.map((server) => server.apply({kind: 'authenticate', request}, undefined));
    expect(answers[0]).toEqual(answers[1]);
    const token = expectOk(answers[0] ?? {kind: 'ok', response: {}}) as {readonly token: string};
    expect(servers[1].caller(token.token)?.username).toBe('root');
  });

  test.each([
    ['3.5.16', 'abc.7', 7],
    ['3.5.16', 'abc.99999999999999999999', undefined],
    ['3.5.16', 'abc.18446744073709551615', Number.MAX_SAFE_INTEGER],
    ['3.5.16', 'abc.-1', undefined],
    ['3.5.16', 'abc.+1', undefined],
    ['3.4.23', 'abc.-1', Number.MAX_SAFE_INTEGER],
    ['3.4.23', 'abc.+1', 1],
    ['3.5.16', 'abc', undefined],
    ['3.5.16', 'a.b.1', undefined],
    ['3.5.16', '', undefined],
  ])('%s waits for the index in %j: %j', (release, token, index) => {
    const server = new TestServer(release);
    server.setUp({}, {});
    expect(server.store.awaitedIndex(token)).toBe(index);
  });

  test('a token of an entry that is not applied here yet is waited for', () => {
    const server = new TestServer('3.5.16');
    server.setUp({}, {});
    const prefix = server.store.drawTokenPrefix();
    const waits: number[] = [];
    const host = {
      *untilApplied(index: number) {
        waits.push(index);
        server.appliedIndex = index;
        server.apply({kind: 'authenticate', request: {name: 'root', password: '', simpleToken: prefix}}, undefined);
        yield* server.untilApplied(index);
      },
    };
    expect(finish(callerOf(server.store, host, `${prefix}.40`))).toEqual({username: 'root', revision: 3});
    expect(waits).toEqual([40]);
  });

  test('an authentication that users overtook is done again', () => {
    const server = new TestServer('3.5.16');
    server.setUp({alice: []}, {});
    const root = server.caller(server.login('root', 'pw'));
    let overtaken = 2;
    server.beforeApply = () => {
      if (overtaken === 0) return;
      overtaken--;
      const {beforeApply} = server;
      server.beforeApply = () => undefined;
      expectOk(server.apply({kind: 'auth-role-add', request: {name: `r${overtaken}`}}, root));
      server.beforeApply = beforeApply;
    };
    const before = server.appliedIndex;
    expect(server.login('alice', 'pw')).toMatch(/\.19$/);
    expect([overtaken, server.appliedIndex - before]).toEqual([0, 5]);
  });

  test('from 3.6.13 on `Bearer ` may stand before the token', () => {
    const outcome = (release: string): string => {
      const server = new TestServer(release);
      server.setUp({}, {});
      return outcomeOf(finish(server.api.userList(`Bearer ${server.login('root', 'pw')}`)));
    };
    expect(outcome('3.6.13')).toBe('ok');
    expect(outcome('3.6.12')).toBe('Unauthenticated etcdserver: invalid auth token');
  });
});

describe('--auth-token', () => {
  const secret = new Map([['hs.key', utf8('secret')]]);
  test.each([
    ['simple', 'simple'],
    ['simple,what=ever', 'simple'],
    ['', 'none'],
    ['jwt,sign-method=HS256,priv-key=hs.key,unknown=1', 'jwt'],
  ])('%j is taken', (authToken, kind) => {
    expect(provider(authToken, {files: secret}).kind).toBe(kind);
  });

  test.each([
    ['other', 'auth: invalid auth options'],
    ['simple,x', 'auth: invalid auth options'],
    ['jwt,ttl=1s,ttl=2s', 'auth: invalid auth options'],
    ['jwt', 'auth: invalid auth options'],
    ['jwt,sign-method=XX', 'auth: invalid auth options'],
    ['jwt,sign-method=HS256', 'auth: missing key data'],
    ['jwt,sign-method=ES256', 'auth: missing key data'],
    ['jwt,sign-method=HS256,priv-key=none.key', 'auth: invalid auth options'],
    ['jwt,sign-method=HS256,priv-key=hs.key,ttl=soon', 'auth: invalid auth options'],
    ['jwt,sign-method=RS256,priv-key=hs.key', 'invalid key: Key must be a PEM encoded PKCS1 or PKCS8 key'],
  ])('%j is refused', (authToken, message) => {
    expect(make(authToken, {files: secret})).toEqual({kind: 'refused', message});
  });

  test('3.3 takes no option it does not know, and wants both keys', () => {
    expect(make('jwt,sign-method=RS256,ttl=5m', {release: '3.3.25'})).toEqual({
      kind: 'refused',
      message: 'auth: invalid auth options',
    });
    expect(make('jwt,sign-method=RS256,pub-key=p', {release: '3.3.25'})).toEqual({
      kind: 'refused',
      message: 'open p: no such file or directory',
    });
  });

  test('no tokens: nobody can authenticate', () => {
    const server = new TestServer('3.6.0', {authToken: ''});
    server.setUp({}, {});
    expect(outcomeOf(finish(server.api.authenticate({name: 'root', password: 'pw'}, undefined)))).toBe(
      'InvalidArgument etcdserver: authentication failed, invalid user ID or password',
    );
  });
});

test.each([
  ['300s', 300_000_000],
  ['1h30m', 5_400_000_000],
  ['1.5s', 1_500_000],
  ['-2m', -120_000_000],
  ['0', 0],
  ['.5s', 500_000],
  ['1us', 1],
  ['', undefined],
  ['5', undefined],
  ['s', undefined],
  ['1 s', undefined],
  ['1x', undefined],
  ['9999999h', undefined],
])('time.ParseDuration(%j) is %j us', (text, us) => {
  expect(parseGoDuration(text)).toBe(us);
});

const rsa = generateKeyPairSync('rsa', {modulusLength: 2048});
const pem = (key: ReturnType<typeof createPrivateKey>, type: 'pkcs8' | 'spki' | 'pkcs1' | 'sec1'): Uint8Array =>
  utf8(key.export({type: type as 'spki', format: 'pem'}) as string);
const partsOf = (token: string): [string, Buffer] => {
  const [head, claims, signature = ''] = token.split('.');
  return [`${head}.${claims}`, Buffer.from(signature, 'base64url')];
};
const jsonOf = (segment = ''): unknown => JSON.parse(Buffer.from(segment, 'base64url').toString());

describe('JWT', () => {
  test('head and claims as golang-jwt writes them; HMAC as OpenSSL makes it', () => {
    const files = new Map([['k', utf8('secret')]]);
    const outcome = provider('jwt,sign-method=HS384,priv-key=k,ttl=10m', {files}).assign('a<b', 7, {
      index: 1,
      prefix: '',
    });
    const token = outcome.kind === 'ok' ? outcome.token : '';
    const [head, claims] = token.split('.');
    expect(Buffer.from(head ?? '', 'base64url').toString()).toBe('{"alg":"HS384","typ":"JWT"}');
    expect(Buffer.from(claims ?? '', 'base64url').toString()).toBe(
      '{"exp":1700000605,"revision":7,"username":"a\\u003cb"}',
    );
    const [signed, signature] = partsOf(token);
    expect(createHmac('sha384', 'secret').update(signed).digest()).toEqual(signature);
  });

  test.each(['RS256', 'RS512', 'PS256', 'PS384'])('%s against OpenSSL, both ways', (method) => {
    const files = new Map([
      ['priv', pem(rsa.privateKey, 'pkcs1')],
      ['pub', pem(rsa.publicKey, 'spki')],
    ]);
    const tokens = provider(`jwt,sign-method=${method},priv-key=priv,pub-key=pub`, {files});
    const outcome = tokens.assign('alice', 3, {index: 1, prefix: ''});
    const token = outcome.kind === 'ok' ? outcome.token : '';
    const [signed, signature] = partsOf(token);
    const options = {padding: method.startsWith('PS') ? 6 : 1};
    const hash = `sha${method.slice(2)}`;
    expect(verify(hash, Buffer.from(signed), {key: rsa.publicKey, ...options}, signature)).toBe(true);
    const theirs = sign(hash, Buffer.from(signed), {key: rsa.privateKey, ...options}).toString('base64url');
    expect(tokens.infoOf(`${signed}.${theirs}`, 9)).toEqual({username: 'alice', revision: 3});
    expect(tokens.infoOf(`${signed}.${theirs.replace(/^./, (char) => (char === 'A' ? 'B' : 'A'))}`, 9)).toBeUndefined();
  });

  test.each([
    ['ES256', 'P-256', 'sec1'],
    ['ES384', 'P-384', 'pkcs8'],
    ['ES512', 'P-521', 'pkcs8'],
  ] as const)('%s against OpenSSL, both ways', (method, namedCurve, type) => {
    const {privateKey, publicKey} = generateKeyPairSync('ec', {namedCurve});
    const files = new Map([
      ['priv', pem(privateKey, type)],
      ['pub', pem(publicKey, 'spki')],
    ]);
    const tokens = provider(`jwt,sign-method=${method},priv-key=priv,pub-key=pub`, {files});
    const outcome = tokens.assign('alice', 3, {index: 1, prefix: ''});
    const [signed, signature] = partsOf(outcome.kind === 'ok' ? outcome.token : '');
    const hash = `sha${method.slice(2)}`;
    const dsaEncoding = 'ieee-p1363';
    expect(verify(hash, Buffer.from(signed), {key: publicKey, dsaEncoding}, signature)).toBe(true);
    const theirs = sign(hash, Buffer.from(signed), {key: privateKey, dsaEncoding}).toString('base64url');
    expect(tokens.infoOf(`${signed}.${theirs}`, 9)).toEqual({username: 'alice', revision: 3});
    const verifier = provider(`jwt,sign-method=${method},pub-key=pub`, {files});
    expect(verifier.infoOf(`${signed}.${theirs}`, 9)).toEqual({username: 'alice', revision: 3});
    expect(verifier.assign('alice', 3, {index: 1, prefix: ''})).toMatchObject({
      message: 'auth: token signing attempted with verify-only key',
    });
  });

  test('EdDSA from 3.6 on', () => {
    const {privateKey, publicKey} = generateKeyPairSync('ed25519');
    const files = new Map([['priv', pem(privateKey, 'pkcs8')]]);
    const option = 'jwt,sign-method=EdDSA,priv-key=priv';
    const outcome = provider(option, {files}).assign('alice', 3, {index: 1, prefix: ''});
    const [signed, signature] = partsOf(outcome.kind === 'ok' ? outcome.token : '');
    expect(
      verify(null, Buffer.from(signed), createPublicKey(publicKey.export({type: 'spki', format: 'pem'})), signature),
    ).toBe(true);
    expect(make(option, {files, release: '3.5.16'}).kind).toBe('refused');
  });

  test('keys that are not a pair', () => {
    const other = generateKeyPairSync('ec', {namedCurve: 'P-256'});
    const ours = generateKeyPairSync('ec', {namedCurve: 'P-256'});
    const files = new Map([
      ['priv', pem(ours.privateKey, 'sec1')],
      ['pub', pem(other.publicKey, 'spki')],
    ]);
    expect(make('jwt,sign-method=ES256,priv-key=priv,pub-key=pub', {files})).toEqual({
      kind: 'refused',
      message: "auth: public and private keys don't match",
    });
  });

  test.each([
    ['3.4.23', 600, true],
    ['3.4.23', 601, false],
    ['3.5.16', 599.9, true],
    ['3.5.16', 600, false],
    ['3.6.0', 600, false],
  ])('%s: after %d s of ten minutes', (release, seconds, isGood) => {
    const env = environment();
    const files = new Map([['k', utf8('secret')]]);
    const tokens = provider('jwt,sign-method=HS256,priv-key=k,ttl=10m', {env, files, release});
    const outcome = tokens.assign('u', 2, {index: 1, prefix: ''});
    env.clock.advance(seconds);
    expect(tokens.infoOf(outcome.kind === 'ok' ? outcome.token : '', 2) !== undefined).toBe(isGood);
  });

  test('a token by another method, or by none, is not good', () => {
    const files = new Map([['k', utf8('secret')]]);
    const tokens = provider('jwt,sign-method=HS256,priv-key=k', {files});
    const claims = Buffer.from('{"username":"root","revision":2}').toString('base64url');
    for (const alg of ['none', 'HS512', 'RS256']) {
      const head = Buffer.from(JSON.stringify({alg})).toString('base64url');
      const signature = createHmac('sha512', 'secret').update(`${head}.${claims}`).digest('base64url');
      expect(tokens.infoOf(`${head}.${claims}.${alg === 'none' ? '' : signature}`, 2)).toBeUndefined();
    }
    for (const broken of ['', 'a', 'a.b', 'a.b.c', '..', 'e30.e30.', '!.!.!']) {
      expect(tokens.infoOf(broken, 2)).toBeUndefined();
    }
  });

  test('3.3: RSA, no end, and as claims only username and revision', () => {
    const env = environment();
    const files = new Map([
      ['priv', pem(rsa.privateKey, 'pkcs8')],
      ['pub', pem(rsa.publicKey, 'spki')],
    ]);
    const tokens = provider('jwt,sign-method=RS256,priv-key=priv,pub-key=pub', {env, files, release: '3.3.25'});
    const outcome = tokens.assign('u', 2, {index: 1, prefix: ''});
    const token = outcome.kind === 'ok' ? outcome.token : '';
    expect(jsonOf(token.split('.')[1])).toEqual({username: 'u', revision: 2});
    env.clock.advance(1_000_000);
    expect(tokens.infoOf(token, 9)).toEqual({username: 'u', revision: 2});
  });

  test('its revision grows old: every change of users and roles ends what it permits', () => {
    const files = new Map([['k', utf8('secret')]]);
    const server = new TestServer('3.5.16', {authToken: 'jwt,sign-method=HS256,priv-key=k', files});
    server.setUp({alice: ['ra']}, {ra: [['readwrite', 'a', 'b']]});
    const alice = server.caller(server.login('alice', 'pw'));
    const root = server.login('root', 'pw');
    const may = (): string => outcomeOf(server.store.isPutPermitted(alice ?? {username: '', revision: 0}, 'a1'));
    expect(may()).toBe('ok');
    // Admin rights do not grow old.
    server.grant('ra', ['read', 'x'], root);
    server.grant('ra', ['read', 'y'], root);
    expect(may()).toBe('InvalidArgument etcdserver: revision of auth store is old');
  });
});

describe('passwords', () => {
  test('a hash as Go writes it, from the given stream, and Go’s own', () => {
    const hash = hashPassword('secret', 4, Random.fromSeed(1));
    expect(hash).toMatch(/^\$2a\$04\$[./A-Za-z0-9]{53}$/);
    expect(hashPassword('secret', 4, Random.fromSeed(1))).toBe(hash);
    expect(hashPassword('secret', 4, Random.fromSeed(2))).not.toBe(hash);
    expect([isPasswordOf(hash, 'secret'), isPasswordOf(hash, 'Secret'), isPasswordOf('', '')]).toEqual([
      true,
      false,
      false,
    ]);
    // golang.org/x/crypto/bcrypt bcrypt_test.go's first pair.
    expect(isPasswordOf('$2a$10$XajjQvNhvvRt5GSeFk1xFeyqRrsxkhBkUiQeg0dt.wU1qD4aFDcga', 'allmine')).toBe(true);
  });

  test('UTF-8 passwords', () => {
    const password = Buffer.from('schlüssel').toString('latin1');
    expect(isPasswordOf(hashPassword(password, 4, Random.fromSeed(1)), password)).toBe(true);
  });

  test.each([
    [3, 10],
    [4, 4],
    [31, 31],
    [32, 10],
    [undefined, 10],
  ])('--bcrypt-cost %j counts as %j', (cost, used) => {
    expect(usableCost(cost)).toBe(used);
  });

  test.each(['', 'a', 'ab', 'abc', 'abcd', '\xff\x00\xfe'])('base64 of %j and back', (text) => {
    const encoded = Buffer.from(text, 'latin1').toString('base64');
    expect(base64Of(text)).toBe(encoded);
    expect(fromBase64(encoded)).toBe(text);
  });

  test.each(['!', 'abc', 'ab=c', '====', 'a===', 'YQ==YQ=='])('%j is no base64', (text) => {
    expect(fromBase64(text)).toBeUndefined();
  });
});
