// server-core/raft/lab/confchange-lab.ts: the commands of the suites about membership changes: simple, enter-joint, leave-joint.
// Their input is a list of changes, 'v1 l2 r3 u4'. etcd: confchange's datadriven_test.

import {parseConfChanges} from '../../raftpb/conf-change.ts';
import {formatDecimalId} from '../../raftpb/decimal-id.ts';
import type {ChangeBase, ChangeResult} from '../membership-change.ts';
import {changeSimply, enterJoint, leaveJoint} from '../membership-change.ts';
import {describeProgress} from '../progress.ts';
import {describeConfig, Tracker} from '../tracker.ts';
import type {Command} from './data-driven.ts';
import {argValue} from './data-driven.ts';

/** A fresh, empty configuration behind a function that runs one command; each command counts as one entry of the log. */
export function makeConfChangeRunner(): (command: Command) => string {
  const tracker = new Tracker({countMax: 10, bytesMax: 0});
  let lastIndex = 0;
  return (command) => {
    const {config, progress, limits} = tracker;
    const result = runChange({config, progress, limits, lastIndex}, command);
    lastIndex++;
    if (typeof result === 'string') return result;
    if (result.error !== undefined) return `${result.error}\n`;
    tracker.adopt(result);
    const members = tracker.members.map((member) => `${formatDecimalId(member.id)}: ${describeProgress(member)}\n`);
    return `${describeConfig(tracker.config)}\n${members.join('')}`;
  };
}

function runChange(base: ChangeBase, command: Command): ChangeResult | string {
  const changes = parseConfChanges(command.input);
  if (typeof changes === 'string') return changes;
  switch (command.name) {
    case 'simple':
      return changeSimply(base, changes);
    case 'enter-joint':
      return enterJoint(base, argValue(command, 'autoleave') === 'true', changes);
    case 'leave-joint':
      return changes.length > 0 ? {error: 'this command takes no input'} : leaveJoint(base);
    default:
      return 'unknown command';
  }
}
