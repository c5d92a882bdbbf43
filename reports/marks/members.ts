// reports/marks/members.ts: one lane a member: which role it had when, with the term printed where it fits.
import {exactSeconds} from '../format.ts';
import type {Scales, TopLayout} from '../layout.ts';
import {group, label, px, type SvgNode, shape, textWidth} from '../svg.ts';
import type {MemberLane, RoleSpan} from '../view-types.ts';

const EM = 11;
/** Room for the symbol of a start or stop, which stands on the edge. */
const TEXT_INSET = 9;

/** The role bands of all members. Spans narrower than a pixel merge into the one before: thousands stay drawable. */
export function memberMark(members: readonly MemberLane[], scales: Scales, layout: TopLayout): SvgNode {
  const lanes = members.map((member, position) => {
    const nodes: SvgNode[] = [];
    let drawnTo = Number.NEGATIVE_INFINITY;
    for (const span of member.spans) {
      if (span.toUs < scales.fromUs || span.fromUs > scales.toUs) continue;
      const from = px(Math.max(-2, scales.x(span.fromUs)));
      const to = px(Math.min(scales.width + 2, scales.x(span.toUs)));
      if (to - drawnTo < 0.5) continue;
      nodes.push(roleNode(member.name, span, {from, to, strip: layout.member(position)}));
      drawnTo = to;
    }
    return group('member', nodes);
  });
  return group('members', lanes);
}

interface Place {
  readonly from: number;
  readonly to: number;
  readonly strip: {readonly y: number; readonly height: number};
}

function roleNode(name: string, span: RoleSpan, {from, to, strip}: Place): SvgNode {
  const width = px(Math.max(0.5, to - from));
  const term = span.term === undefined ? '' : `term ${span.term}`;
  const nodes = [shape('rect', {x: from, y: strip.y, width, height: strip.height})];
  const room = width - TEXT_INSET - 4;
  const text = [`${span.role}${term === '' ? '' : ` · ${term}`}`, term || span.role, String(span.term ?? '')].find(
    (one) => one !== '' && textWidth(one, EM) <= room,
  );
  if (text !== undefined)
    nodes.push(label(text, {x: Math.max(0, from) + TEXT_INSET, y: strip.y + strip.height / 2 + 4}));
  const title = `${name} ${span.role}${term === '' ? '' : `, ${term}`}, ${exactSeconds(span.fromUs)} to ${exactSeconds(span.toUs)}`;
  return group(`role ${span.role}`, nodes, {title});
}
