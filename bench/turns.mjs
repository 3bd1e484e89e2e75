import { median } from './measure.mjs';

/**
 * Medians of what the runs of a record answer, by their fields: each answers plain numbers, `ms` among them. They take
 * turns, forwards and backwards, each time after a run that is not counted; one that took longer than `patienceMs` in
 * the first round, which is not counted either, goes without, and counts `fewRounds` times.
 */
export const inTurns = async (runs, { rounds = 5, fewRounds = 3, patienceMs = 2_000 } = {}) => {
  const names = Object.keys(runs);
  const answers = Object.fromEntries(names.map((name) => [name, []]));
  const slow = new Set();
  for (const name of names) if ((await runs[name]()).ms > patienceMs) slow.add(name);
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      if (slow.has(name) && round >= fewRounds) continue;
      globalThis.gc();
      if (!slow.has(name)) await runs[name]();
      answers[name].push(await runs[name]());
    }
  }
  return Object.fromEntries(names.map((name) => [name, fieldMedians(answers[name])]));
};

const fieldMedians = (answers) =>
  Object.fromEntries(Object.keys(answers[0]).map((field) => [field, median(answers.map((answer) => answer[field]))]));
