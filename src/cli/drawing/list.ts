import type { JobDefinition } from '../../engine/job-definition.ts';
import { STATE_STYLES } from '../terminal/state-style.ts';
import { type Word, wordsOf, wrapText } from '../terminal/wrap-text.ts';
import type { Drawing } from './glyphs.ts';
import { stagesOf } from './stages.ts';

/** Lists the tasks of a definition by stage, each with its upstreams: `clean ← extract`. */
export const graphList = (definition: JobDefinition, drawing: Drawing): readonly string[] => {
  const { graph, style, glyphs, columns } = drawing;
  const layout = { columns, style, ellipsis: glyphs.cut };
  const stages = stagesOf(definition).flatMap((tasks, index) => [
    style('bold', `stage ${index + 1}`),
    ...tasks.flatMap((name) =>
      wrapText(taskWords(graph.indexOf.get(name) as number, drawing), { ...layout, indents: ['  ', '      '] }),
    ),
  ]);
  const why = `By stage, since it has too many edges to be drawn here. ${glyphs.from} names what a task waits for.`;
  return [...wrapText(wordsOf(why, 'dim'), { ...layout, indents: ['', ''] }), '', ...stages];
};

const taskWords = (task: number, { graph, names, notes, states, glyphs, isInChain }: Drawing): readonly Word[] => {
  const upstream = graph.upstream[task] ?? [];
  const note = notes[task] ?? '';
  const state = states[task];
  return [
    { text: names[task] ?? '', format: isInChain(task) ? 'bold' : undefined },
    ...(state === undefined ? [] : [{ text: state, format: STATE_STYLES[state] }]),
    ...wordsOf(note === '' ? '' : `(${note})`, 'dim'),
    ...(upstream.length === 0 ? [] : [{ text: glyphs.from }]),
    ...upstream.map((need, at) => ({ text: `${names[need]}${at < upstream.length - 1 ? ',' : ''}` })),
  ];
};
