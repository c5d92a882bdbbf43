// scenarios/life/default-paths.ts: the releases that scenarios draw when nobody says --path: patches which the guides ask for, so that what
// is found by chance is news and not a bug of a release that everybody was told to leave.
import * as fc from 'fast-check';
import {neighbours} from './draw-life.ts';

const OF_30 = ['3.0.17'];
const OF_31 = ['3.1.20'];
const OF_32 = ['3.2.32'];
const OF_33 = ['3.3.25', '3.3.27'];
const OF_34 = ['3.4.23', '3.4.45'];
const OF_35 = ['3.5.26', '3.5.33'];
const OF_36 = ['3.6.11', '3.6.14'];
const OF_37 = ['3.7.0', '3.7.1'];

/** One release of each minor and more; those that nobody runs any more are drawn now and then. */
export const SINGLE_RELEASES: fc.Arbitrary<string> = fc.oneof(
  {weight: 10, arbitrary: fc.constantFrom(...OF_33, ...OF_34, ...OF_35, ...OF_36, ...OF_37)},
  {weight: 2, arbitrary: fc.constantFrom(...OF_30, ...OF_31, ...OF_32)},
);

/** Releases with learners. */
export const LEARNER_RELEASES: readonly string[] = [...OF_34, ...OF_35, ...OF_36, ...OF_37];

/**
 * Health checks of 3.4 before 3.4.29 leave reads of the v2 store in the log, and 3.6 ends on them until a snapshot lies behind (errata
 * UM-10); who goes on to 3.6 leaves 3.4 from a later patch.
 */
const fromLater34 = (path: readonly string[]): readonly string[] =>
  path.some((release) => OF_36.includes(release))
    ? path.map((release) => (release === '3.4.23' ? '3.4.45' : release))
    : path;

/**
 * Two or three minors in a row. Behind 3.5 the tail of the log holds entries that 3.7 cannot read (errata UM-16), so paths to 3.7
 * begin at 3.6.
 */
export const UPGRADE_PATHS: fc.Arbitrary<readonly string[]> = fc.oneof(
  {weight: 8, arbitrary: neighbours([OF_33, OF_34, OF_35, OF_36], 2, 3).map(fromLater34)},
  {weight: 2, arbitrary: neighbours([OF_36, OF_37], 2, 2)},
  {weight: 2, arbitrary: neighbours([OF_30, OF_31, OF_32, OF_33], 2, 3)},
);

/** Two minors in a row. */
export const TWO_RELEASES: fc.Arbitrary<readonly string[]> = fc.oneof(
  {weight: 6, arbitrary: neighbours([OF_33, OF_34, OF_35, OF_36], 2, 2)},
  {weight: 2, arbitrary: neighbours([OF_36, OF_37], 2, 2)},
  {weight: 2, arbitrary: neighbours([OF_30, OF_31, OF_32, OF_33], 2, 2)},
);

/** A minor or more left out. */
export const SKIPPING_PATHS: fc.Arbitrary<readonly string[]> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      ['3.3.27', '3.5.33'],
      ['3.4.23', '3.6.14'],
      ['3.4.45', '3.6.11'],
      ['3.3.25', '3.6.14'],
      ['3.5.33', '3.7.1'],
      ['3.4.45', '3.7.1'],
    ),
  },
  {weight: 1, arbitrary: fc.constantFrom(['3.0.17', '3.2.32'], ['3.1.20', '3.3.27'], ['3.0.17', '3.4.45'])},
);

/** One minor down. */
export const DOWNGRADE_PATHS: fc.Arbitrary<readonly string[]> = fc.oneof(
  neighbours([OF_36, OF_35], 2, 2),
  neighbours([OF_37, OF_36], 2, 2),
);
