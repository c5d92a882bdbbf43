// server-core/membership/member.ts: one member of the cluster, and its JSON as etcd writes it into conf changes, buckets and v2 keys.
// Ids are 64-bit numbers in that JSON, beyond what JSON.parse keeps, so the id is cut out of the text. Names and URLs are UTF-8
// bytes. Source: api/membership/member.go; json.Marshal writes fields in the order of the struct and leaves empty ones out
// where the tag says so.
import {InvariantError} from '../../base/assert.ts';
import type {ByteString} from '../../base/byte-string.ts';
import {fromBytes, fromUtf8Text, toBytes} from '../../base/byte-string.ts';
import type {MemberId} from '../../base/ids.ts';
import {toMemberId} from '../../base/ids.ts';
import {goJsonString} from '../v2store/go-json.ts';

/** membership.RaftAttributes: what raft needs. */
export interface RaftAttributes {
  readonly peerUrls: readonly ByteString[];
  readonly isLearner: boolean;
}

/** membership.Attributes: what a member tells of itself. */
export interface Attributes {
  /** Empty until the member has published itself (or the initial cluster named it). */
  readonly name: ByteString;
  readonly clientUrls: readonly ByteString[];
}

/** membership.Member. */
export interface Member extends RaftAttributes, Attributes {
  readonly id: MemberId;
}

/** A conf change's context that adds a member or promotes one. membership.ConfigChangeContext. */
export interface ConfChangeContext {
  readonly member: Member;
  readonly isPromote: boolean;
}

/** A member that has told its name; etcd: IsStarted. */
export function isStarted({name}: Member): boolean {
  return name.length > 0;
}

/** json.Marshal of membership.Member. */
export function encodeMember(member: Member): string {
  return `{${memberFields(member).join(',')}}`;
}

/** json.Marshal of membership.ConfigChangeContext with IsPromote: only promotions are written in this form. */
export function encodePromotion(id: MemberId): string {
  const member = {id, peerUrls: [], isLearner: false, name: '', clientUrls: []};
  return `{${[...memberFields(member), '"isPromote":true'].join(',')}}`;
}

/** json.Marshal of membership.RaftAttributes: the v2 key raftAttributes. */
export function encodeRaftAttributes(attributes: RaftAttributes): string {
  return `{${raftFields(attributes).join(',')}}`;
}

/** json.Marshal of membership.Attributes: the v2 key attributes. */
export function encodeAttributes(attributes: Attributes): string {
  return `{${ownFields(attributes).join(',')}}`;
}

function memberFields(member: Member): string[] {
  return [`"id":${BigInt(`0x${member.id}`)}`, ...raftFields(member), ...ownFields(member)];
}

function raftFields({peerUrls, isLearner}: RaftAttributes): string[] {
  // A nil slice: no member without URLs is ever made in another way.
  const fields = [`"peerURLs":${peerUrls.length === 0 ? 'null' : urlList(peerUrls)}`];
  if (isLearner) fields.push('"isLearner":true');
  return fields;
}

function ownFields({name, clientUrls}: Attributes): string[] {
  const fields: string[] = [];
  if (name !== '') fields.push(`"name":${goJsonString(name)}`);
  if (clientUrls.length > 0) fields.push(`"clientURLs":${urlList(clientUrls)}`);
  return fields;
}

const urlList = (urls: readonly ByteString[]): string => `[${urls.map(goJsonString).join(',')}]`;

interface MemberText {
  readonly peerURLs?: readonly string[] | null;
  readonly isLearner?: boolean;
  readonly name?: string;
  readonly clientURLs?: readonly string[] | null;
  readonly isPromote?: boolean;
}

/** The member of such a JSON text; broken text was written by us or by a disk that lied and passed the checksum. */
export function decodeMember(text: string): Member {
  return decodeConfChangeContext(text).member;
}

/** A conf change's context; without `isPromote` it adds. */
export function decodeConfChangeContext(text: string): ConfChangeContext {
  const id = /"id":(\d+)/.exec(text)?.[1];
  if (id === undefined) throw new InvariantError('member without an id', {text});
  const json = parse(text);
  const member = {id: toMemberId(BigInt(id).toString(16)), ...raftAttributesOf(json), ...attributesOf(json)};
  return {member, isPromote: json.isPromote ?? false};
}

/** The v2 key raftAttributes. */
export function decodeRaftAttributes(text: string): RaftAttributes {
  return raftAttributesOf(parse(text));
}

/** The v2 key attributes. */
export function decodeAttributes(text: string): Attributes {
  return attributesOf(parse(text));
}

/** JSON as it lies on disk or in an entry: UTF-8 bytes. */
export const jsonBytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const jsonText = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const jsonValue = (text: string): ByteString => fromBytes(jsonBytes(text));
export const jsonOfValue = (value: ByteString): string => jsonText(toBytes(value));

function parse(text: string): MemberText {
  try {
    return JSON.parse(text) as MemberText;
  } catch (error) {
    throw new InvariantError('failed to unmarshal member', {text, error: String(error)});
  }
}

function raftAttributesOf({peerURLs, isLearner}: MemberText): RaftAttributes {
  return {peerUrls: (peerURLs ?? []).map(fromUtf8Text), isLearner: isLearner ?? false};
}

function attributesOf({name, clientURLs}: MemberText): Attributes {
  return {name: fromUtf8Text(name ?? ''), clientUrls: (clientURLs ?? []).map(fromUtf8Text)};
}

/** 'http://m1:2380' to 'm1:2380'. */
export function addressOf(url: string): string {
  return url.replace(/^https?:\/\//, '');
}
