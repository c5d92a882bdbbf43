// server-core/auth/auth-api.ts: the Auth service behind the wire. etcd: v3rpc/auth.go, v3_server.go Auth*, User*, Role*.
// Every call goes through raft, reads too. What is refused before that: passwords bcrypt does not take, a wrong password.
// The answers' headers carry the store's revision; the server fills in the rest.
import type {ByteString} from '../../base/byte-string.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {
  AuthenticateRequest,
  AuthenticateResponse,
  AuthRoleAddRequest,
  AuthRoleDeleteRequest,
  AuthRoleGetRequest,
  AuthRoleGetResponse,
  AuthRoleGrantPermissionRequest,
  AuthRoleListResponse,
  AuthRoleRevokePermissionRequest,
  AuthStatusResponse,
  AuthUserAddRequest,
  AuthUserChangePasswordRequest,
  AuthUserDeleteRequest,
  AuthUserGetRequest,
  AuthUserGetResponse,
  AuthUserGrantRoleRequest,
  AuthUserListResponse,
  AuthUserRevokeRoleRequest,
  HeaderResponse,
} from '../etcdserverpb/auth-messages.ts';
import {ERR_AUTH_STATUS_UNKNOWN} from './errors.ts';
import {base64Of, hashPassword, isTooLong} from './passwords.ts';
import type {Answer, AuthBody, AuthEnv, AuthError, AuthHost} from './ports.ts';
import type {AuthStore} from './store.ts';
import {ERR_PASSWORD_TOO_LONG} from './users.ts';

export interface AuthApiOptions {
  /** Draws salts; a stream of its own. */
  readonly env: AuthEnv;
  readonly store: AuthStore;
  readonly host: AuthHost;
}

/** What came with the call: the token of its metadata (`token`, else `authorization`). */
type Token = string | undefined;

export class AuthApi {
  private readonly env: AuthEnv;
  private readonly store: AuthStore;
  private readonly host: AuthHost;

  constructor({env, store, host}: AuthApiOptions) {
    this.env = env;
    this.store = store;
    this.host = host;
  }

  *authEnable(token: Token): Fiber<Answer<HeaderResponse>> {
    return yield* this.propose({kind: 'auth-enable', request: {}}, token);
  }

  *authDisable(token: Token): Fiber<Answer<HeaderResponse>> {
    return yield* this.propose({kind: 'auth-disable', request: {}}, token);
  }

  /** From 3.5.0; before, gRPC knows no such method. */
  *authStatus(token: Token): Fiber<Answer<AuthStatusResponse>> {
    if (!this.store.behaviours.hasAuthStatus) return ERR_AUTH_STATUS_UNKNOWN;
    return yield* this.propose({kind: 'auth-status', request: {}}, token);
  }

  /**
   * Authenticate: the password is checked here, against what this member has applied, so that it is not in the log. When users or
   * roles have changed by the time the token is made, all of it is done again, as often as it takes: as etcd.
   */
  *authenticate(request: AuthenticateRequest, token: Token): Fiber<Answer<AuthenticateResponse>> {
    const {store} = this;
    if (store.behaviours.passwordCheckedBy === 'apply') {
      const {name, password} = request;
      const body = {name, password, simpleToken: store.drawTokenPrefix()};
      return yield* this.propose({kind: 'authenticate', request: body}, token);
    }
    const unready = yield* this.host.linearizableReadNotify();
    if (unready !== undefined) return unready;
    for (;;) {
      const checked = store.checkPassword(request.name, request.password);
      if (checked.kind === 'error') return checked;
      const simpleToken = store.drawTokenPrefix();
      const answer: Answer<AuthenticateResponse> = yield* this.propose(
        {kind: 'authenticate', request: {name: request.name, password: '', simpleToken}},
        store.behaviours.authenticatesAnonymously ? undefined : token,
      );
      if (answer.kind === 'error' || checked.revision === store.revision) return answer;
    }
  }

  *userAdd(request: AuthUserAddRequest, token: Token): Fiber<Answer<HeaderResponse>> {
    const {behaviours} = this.store;
    if (behaviours.passwordHashedBy === 'apply' || request.options?.noPassword === true) {
      return yield* this.propose({kind: 'auth-user-add', request}, token);
    }
    const hashedPassword = this.hash(request.password);
    if (typeof hashedPassword !== 'string') return hashedPassword;
    return yield* this.propose({kind: 'auth-user-add', request: {...request, password: '', hashedPassword}}, token);
  }

  *userDelete(request: AuthUserDeleteRequest, token: Token): Fiber<Answer<HeaderResponse>> {
    return yield* this.propose({kind: 'auth-user-delete', request}, token);
  }

  *userGet(request: AuthUserGetRequest, token: Token): Fiber<Answer<AuthUserGetResponse>> {
    return yield* this.propose({kind: 'auth-user-get', request}, token);
  }

  *userList(token: Token): Fiber<Answer<AuthUserListResponse>> {
    return yield* this.propose({kind: 'auth-user-list', request: {}}, token);
  }

  /** An empty password is not hashed: then the hash that the client gave is stored. */
  *userChangePassword(request: AuthUserChangePasswordRequest, token: Token): Fiber<Answer<HeaderResponse>> {
    const kind = 'auth-user-change-password';
    if (this.store.behaviours.passwordHashedBy === 'apply' || request.password === '') {
      return yield* this.propose({kind, request}, token);
    }
    const hashedPassword = this.hash(request.password);
    if (typeof hashedPassword !== 'string') return hashedPassword;
    return yield* this.propose({kind, request: {...request, password: '', hashedPassword}}, token);
  }

  *userGrantRole(request: AuthUserGrantRoleRequest, token: Token): Fiber<Answer<HeaderResponse>> {
    return yield* this.propose({kind: 'auth-user-grant-role', request}, token);
  }

  *userRevokeRole(request: AuthUserRevokeRoleRequest, token: Token): Fiber<Answer<HeaderResponse>> {
    return yield* this.propose({kind: 'auth-user-revoke-role', request}, token);
  }

  *roleAdd(request: AuthRoleAddRequest, token: Token): Fiber<Answer<HeaderResponse>> {
    return yield* this.propose({kind: 'auth-role-add', request}, token);
  }

  *roleGet(request: AuthRoleGetRequest, token: Token): Fiber<Answer<AuthRoleGetResponse>> {
    return yield* this.propose({kind: 'auth-role-get', request}, token);
  }

  *roleList(token: Token): Fiber<Answer<AuthRoleListResponse>> {
    return yield* this.propose({kind: 'auth-role-list', request: {}}, token);
  }

  *roleDelete(request: AuthRoleDeleteRequest, token: Token): Fiber<Answer<HeaderResponse>> {
    return yield* this.propose({kind: 'auth-role-delete', request}, token);
  }

  *roleGrantPermission(request: AuthRoleGrantPermissionRequest, token: Token): Fiber<Answer<HeaderResponse>> {
    return yield* this.propose({kind: 'auth-role-grant-permission', request}, token);
  }

  *roleRevokePermission(request: AuthRoleRevokePermissionRequest, token: Token): Fiber<Answer<HeaderResponse>> {
    return yield* this.propose({kind: 'auth-role-revoke-permission', request}, token);
  }

  /** apply() answers each body with the response of its own call. */
  private *propose<Response extends object>(body: AuthBody, token: Token): Fiber<Answer<Response>> {
    return (yield* this.host.propose(body, token)) as Answer<Response>;
  }

  /** The hash in base64, as it goes through raft; or the refusal of a password that is too long. */
  private hash(password: ByteString): ByteString | AuthError {
    if (this.store.behaviours.refusesLongPasswords && isTooLong(password)) return ERR_PASSWORD_TOO_LONG;
    return base64Of(hashPassword(password, this.store.bcryptCost, this.env.random));
  }
}
