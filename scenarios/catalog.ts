// scenarios/catalog.ts: all scenarios, in the order in which they are listed and run.
import {crashRestart} from './catalog/crash-restart.ts';
import {disasterRecovery} from './catalog/disaster-recovery.ts';
import {growWithLearners} from './catalog/grow-with-learners.ts';
import {healthy} from './catalog/healthy.ts';
import {mixedForever} from './catalog/mixed-forever.ts';
import {partitionLeader} from './catalog/partition-leader.ts';
import {pauseLeader} from './catalog/pause-leader.ts';
import {powerLoss} from './catalog/power-loss.ts';
import {replaceAllMembers} from './catalog/replace-all-members.ts';
import {rollingDowngrade} from './catalog/rolling-downgrade.ts';
import {rollingUpgrade} from './catalog/rolling-upgrade.ts';
import {skipMinor} from './catalog/skip-minor.ts';
import {slowDisk} from './catalog/slow-disk.ts';
import {swarm} from './catalog/swarm.ts';
import {upgradeThenRollback} from './catalog/upgrade-then-rollback.ts';
import type {Scenario} from './scenario.ts';

export const SCENARIOS: readonly Scenario[] = [
  healthy,
  crashRestart,
  powerLoss,
  partitionLeader,
  pauseLeader,
  slowDisk,
  swarm,
  rollingUpgrade,
  rollingDowngrade,
  upgradeThenRollback,
  skipMinor,
  mixedForever,
  growWithLearners,
  replaceAllMembers,
  disasterRecovery,
];
