// What the plain paths of the client port answer, as real servers did (errata/confirmed-on-real-kv.md, HTTP; methods seen on 3.3.25, 3.4.23,
// 3.5.16, 3.6.0 and 3.7.0).
import {describe, expect, test} from 'vitest';
import {Talk} from './talk.ts';

const OBSERVED = ['3.3.25', '3.4.23', '3.5.16', '3.6.0', '3.7.0'];
const NOT_ALLOWED = {status: 405, body: 'Method Not Allowed\n'};
const NOT_FOUND = {status: 404, body: '404 page not found\n'};

describe.each(OBSERVED)('methods, %s', (release) => {
  const talk = new Talk({release});
  const ask = (method: string, path: string) => talk.cluster.http(0, 'client', method, path);

  test.each(['POST', 'PUT', 'DELETE', 'HEAD'])('%s is not for /version and /health', (method) => {
    expect(ask(method, '/version')).toEqual(NOT_ALLOWED);
    expect(ask(method, '/health')).toEqual(NOT_ALLOWED);
    expect(ask(method, '/metrics').status).toBe(200);
    expect(ask(method, '/readyz')).toEqual(release < '3.5' ? NOT_FOUND : NOT_ALLOWED);
  });

  test('GET finds them by their whole names', () => {
    const minor = `${release.slice(0, 3)}.0`;
    const version = ask('GET', '/version');
    expect(version.status).toBe(200);
    expect(JSON.parse(version.body)).toMatchObject({etcdserver: release, etcdcluster: minor});
    for (const path of ['/', '/nothing', '/version/', '/version/x', '/health/', '/metrics/']) {
      expect(ask('GET', path), path).toEqual(NOT_FOUND);
    }
  });
});

/** The names of the checks of a verbose answer, in any order: the real ones come from a map. */
const namesIn = (body: string) =>
  body
    .split('\n')
    .filter((line) => line.startsWith('['))
    .sort();

describe.each(OBSERVED.slice(2))('/livez and /readyz, %s', (release) => {
  const talk = new Talk({release});
  const ask = (path: string) => talk.cluster.http(0, 'client', 'GET', path);
  const alarm = (action: string, kind: string) =>
    talk.ok('Maintenance/Alarm', {action, memberId: '0000000000000063', alarm: kind});
  const ready = ['[+]data_corruption ok', '[+]linearizable_read ok', '[+]serializable_read ok'];
  if (release !== '3.5.16') ready.splice(2, 0, '[+]non_learner ok');

  test('all is well', () => {
    for (const path of [
      '/livez',
      '/readyz',
      '/readyz/data_corruption',
      '/livez/serializable_read',
      '/readyz?exclude=nope',
    ])
      expect(ask(path), path).toEqual({status: 200, body: 'ok\n'});
    expect(ask('/livez?verbose')).toEqual({status: 200, body: '[+]serializable_read ok\nok\n'});
    const verbose = ask('/readyz?verbose');
    expect([verbose.status, ...namesIn(verbose.body)]).toEqual([200, ...ready]);
    expect(verbose.body.endsWith('\nok\n')).toBe(true);
    expect(namesIn(ask('/readyz?exclude=data_corruption&verbose').body)).toEqual(ready.slice(1));
    expect(ask('/readyz/nope')).toEqual(NOT_FOUND);
    expect(ask('/livez/data_corruption')).toEqual(NOT_FOUND);
  });

  test('NOSPACE hinders neither, CORRUPT only /readyz', () => {
    alarm('activate', 'nospace');
    expect(ask('/readyz')).toEqual({status: 200, body: 'ok\n'});
    alarm('activate', 'corrupt');
    const sick = ask('/readyz');
    expect(sick.status).toBe(503);
    expect(namesIn(sick.body)).toContain('[-]data_corruption failed: alarm activated: CORRUPT');
    expect(ask('/readyz?exclude=data_corruption').status).toBe(200);
    expect(ask('/readyz/data_corruption').status).toBe(503);
    expect(ask('/livez')).toEqual({status: 200, body: 'ok\n'});
    alarm('deactivate', 'corrupt');
    expect(ask('/readyz')).toEqual({status: 200, body: 'ok\n'});
  });
});
