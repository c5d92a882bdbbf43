// scenarios/catalog.ts: all scenarios, in the order in which they are listed and run.
import {crashRestart} from './catalog/crash-restart.ts';
import {healthy} from './catalog/healthy.ts';
import {partitionLeader} from './catalog/partition-leader.ts';
import {pauseLeader} from './catalog/pause-leader.ts';
import {powerLoss} from './catalog/power-loss.ts';
import {rollingUpgrade} from './catalog/rolling-upgrade.ts';
import {slowDisk} from './catalog/slow-disk.ts';
import {swarm} from './catalog/swarm.ts';
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
];
