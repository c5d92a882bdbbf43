// server-core/client/credentials.ts: the token that goes with each call, and when another one is asked for.
// etcd: client/v3 client.go (getToken), retry_interceptor.go (shouldRefreshToken, refreshToken), credentials.
import type {ByteString} from '../../base/byte-string.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {CallFailure, CallMetadata} from '../api/payloads.ts';
import type {AuthenticateRequest, AuthenticateResponse} from '../etcdserverpb/auth-messages.ts';
import {authenticateRequest} from '../etcdserverpb/auth-messages.ts';
import type {ClientBehaviours} from './behaviours.ts';
import {AUTH_NOT_ENABLED, AUTH_OLD_REVISION, INVALID_AUTH_TOKEN, USER_EMPTY} from './call-errors.ts';

/** Name and password, UTF-8 bytes. */
export interface User {
  readonly name: ByteString;
  readonly password: ByteString;
}

/** Asks a server for a token. */
export type Authenticate = (request: AuthenticateRequest) => Fiber<AuthenticateResponse | CallFailure>;

const isCallFailure = (answer: AuthenticateResponse | CallFailure): answer is CallFailure => 'code' in answer;

export class Credentials {
  readonly user: User | undefined;
  private readonly behaviours: ClientBehaviours;
  private token: string | undefined;
  private isInstalled: boolean;

  constructor(user: User | undefined, behaviours: ClientBehaviours) {
    this.user = user;
    this.behaviours = behaviours;
    this.isInstalled = user !== undefined && !behaviours.asksTokenPerEndpoint;
  }

  /** Token and requirements of a call, as metadata; undefined: none. */
  metadata(requiresLeader: boolean): CallMetadata | undefined {
    const token = this.isInstalled ? this.token : undefined;
    if (token === undefined) return requiresLeader ? {requiresLeader} : undefined;
    return requiresLeader ? {token, requiresLeader} : {token};
  }

  /** Does this answer call for a new token and another try? */
  callsForRefresh({message}: CallFailure): boolean {
    if (message === INVALID_AUTH_TOKEN) return this.user !== undefined || this.behaviours.refreshesOnOldAuthRevision;
    if (!this.behaviours.refreshesOnOldAuthRevision) return false;
    if (message === USER_EMPTY) return this.user !== undefined;
    return message === AUTH_OLD_REVISION;
  }

  /** A new token after such an answer. A client without a user has nothing to refresh and merely tries again. */
  *refresh(authenticate: Authenticate, endpointCount: number): Fiber<CallFailure | undefined> {
    if (this.user === undefined) return undefined;
    if (this.behaviours.dropsTokenBeforeRefresh) this.token = undefined;
    return yield* this.fetch(authenticate, endpointCount);
  }

  /** The token for a stream that is to be opened; older clients open it with what they have. */
  *beforeStream(authenticate: Authenticate, endpointCount: number): Fiber<CallFailure | undefined> {
    if (this.user === undefined || !this.behaviours.streamsFetchToken) return undefined;
    const failure = yield* this.fetch(authenticate, endpointCount);
    return failure?.message === AUTH_NOT_ENABLED ? undefined : failure;
  }

  /** The first token, when the client is made. */
  *login(authenticate: Authenticate, endpointCount: number): Fiber<CallFailure | undefined> {
    if (this.user === undefined) return undefined;
    const failure = yield* this.fetch(authenticate, endpointCount);
    if (failure === undefined) this.isInstalled = true;
    return failure?.message === AUTH_NOT_ENABLED ? undefined : failure;
  }

  /** Asks for a token: once, or in older clients up to once per endpoint. etcd: getToken. */
  private *fetch(authenticate: Authenticate, endpointCount: number): Fiber<CallFailure | undefined> {
    const {user, behaviours} = this;
    if (user === undefined) return undefined;
    const triesMax = behaviours.asksTokenPerEndpoint ? endpointCount : 1;
    let failure: CallFailure | undefined;
    for (let tries = 0; tries < triesMax; tries++) {
      const answer = yield* authenticate(authenticateRequest.make(user));
      if (!isCallFailure(answer)) {
        this.token = answer.token;
        return undefined;
      }
      failure = answer;
      if (answer.message !== AUTH_NOT_ENABLED) continue;
      if (behaviours.asksTokenPerEndpoint) return answer;
      if (behaviours.forgetsTokenWhenAuthIsOff) this.token = undefined;
      return undefined;
    }
    return failure;
  }
}
