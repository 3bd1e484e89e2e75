/**
 * Reads the edges of a drawn graph as a person does: along its lines, knowing of nothing but the picture. Its tasks must
 * be named `t` and a number, or be words without spaces. Throws where a line leads nowhere.
 */
export const edgesOfDrawing = (lines: readonly string[]): string[] => {
  const edges: string[] = [];
  /** For each place of the row above, the tasks that a line leads down from there from. */
  let lanes = new Map<number, ReadonlySet<string>>();
  for (const line of lines.slice(2)) {
    if (line === '') {
      if (lanes.size > 0) throw new Error('Lanes lead into a gap.');
      continue;
    }
    const row = rowOf(line);
    if (row === undefined) break;
    lanes = readRow(row, lanes, edges);
  }
  return edges;
};

type Row = { readonly text: string; readonly name: string; readonly node: number };

/** The drawing and the name of a task, `undefined` of a line that shows none. */
const rowOf = (line: string): Row | undefined => {
  const [, text = '', name = ''] = /^([^A-Za-np-z]*[●○*o][^A-Za-z]*?) {2,}(\S+)$/.exec(line) ?? [];
  const node = text.search(/[●○*o]/);
  return node < 0 || line.startsWith('○ n') ? undefined : { text, name, node };
};

const readRow = (
  { text, name, node }: Row,
  above: ReadonlyMap<number, ReadonlySet<string>>,
  edges: string[],
): Map<number, ReadonlySet<string>> => {
  const at = (place: number): string => text[place] ?? ' ';
  const fail = (what: string): never => {
    throw new Error(`${what} in the row of ${name}: ${text}`);
  };
  for (const place of above.keys()) if (!UP.has(at(place))) fail('A lane leads nowhere');
  const below = new Map<number, ReadonlySet<string>>();
  for (const [place, mark] of [...text].entries()) {
    if (UP.has(mark) && !NODES.has(mark) && !above.has(place)) fail('A lane comes from nowhere');
    if (DOWN.has(mark) && above.has(place)) below.set(place, above.get(place) as ReadonlySet<string>);
    for (const [marks, beside] of [
      [RIGHT, at(place + 1)],
      [LEFT, at(place - 1)],
    ] as const) {
      if (marks.has(mark) && !LINES.has(beside)) fail('An arm hangs in the air');
    }
  }
  const inputs = new Set<string>(above.get(node) ?? []);
  let isLedAside = false;
  for (const step of [-1, 1]) {
    const { met, last, arrow } = walk(node, step, at, fail);
    if (arrow) {
      below.set(last, new Set([...(below.get(last) ?? []), name]));
      isLedAside = true;
      if (met.length > 1) fail('An arrow leads through a lane');
      continue;
    }
    for (const place of met) for (const from of above.get(place) ?? fail('A line begins in nothing')) inputs.add(from);
  }
  const isNode = at(node) === '●' || at(node) === '*';
  below.delete(node);
  if (isNode && !isLedAside) below.set(node, new Set([name]));
  edges.push(...[...inputs].map((from) => `${from} -> ${name}`));
  return below;
};

/** Along a line from a task: the places where it meets lanes, and whether it ends in an arrow. */
const walk = (node: number, step: number, at: (place: number) => string, fail: (what: string) => never) => {
  const met: number[] = [];
  let place = node + step;
  let arrow = false;
  for (; LINES.has(at(place)) || CROSSED.has(at(place)) || MET.has(at(place)); place += step) {
    const mark = at(place);
    // A lane beside the task, or past the last it meets, with no line on its way there.
    if (!LINES.has(mark) && !LINES.has(at(place - step))) break;
    if (mark === (step > 0 ? '▸' : '◂') || mark === (step > 0 ? '>' : '<')) arrow = true;
    if (MET.has(mark)) met.push(place);
    if (MET.has(mark) && !LINES.has(at(place + step))) break;
  }
  if (met.length === 0 && LINES.has(at(node + step))) fail('A line leads nowhere');
  return { met, last: met.at(-1) as number, arrow };
};

const NODES = new Set('●○*o');
const LINES = new Set('─▸◂-><');
const CROSSED = new Set('│|');
const MET = new Set("├┤┼╰╯┴╮╭+'.");
/** Marks that touch what is above, below, on the right, on the left. ASCII leaves the sides open. */
const UP = new Set("│├┤┼╰╯┴●○|+'*o");
const DOWN = new Set('│├┤┼|+');
const RIGHT = new Set('├┼╰┴╭');
const LEFT = new Set('┤┼╯┴╮');

/** Reads the edges of a list by stage. */
export const edgesOfList = (lines: readonly string[]): string[] => {
  const stages = lines.slice(lines.indexOf('stage 1'));
  const text = stages.slice(0, stages.includes('') ? stages.indexOf('') : undefined).join('\n');
  return text
    .replace(/\n {6}/g, ' ')
    .split('\n')
    .flatMap((line) => {
      const [name = '', needs = ''] = line.split(/ (?:←|<-) /);
      return needs.split(', ').flatMap((need) => (need === '' ? [] : [`${need.trim()} -> ${name.trim()}`]));
    });
};
