/** The samples of an exposition by their series, as `tintype_slots{kind="size",pool="db"}`: labels in alphabetical order. */
export const samplesOf = (exposition: string): ReadonlyMap<string, number> => {
  const samples = new Map<string, number>();
  for (const line of exposition.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [, name = '', , labels = '', value = ''] = /^(\w+)(\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === '') throw new Error(`No sample: ${line}`);
    const sorted = (labels.match(/\w+="(?:[^"\\]|\\.)*"/g) ?? []).sort().join(',');
    const series = sorted === '' ? name : `${name}{${sorted}}`;
    if (samples.has(series)) throw new Error(`Twice: ${series}`);
    samples.set(series, Number(value));
  }
  return samples;
};

/** The sum of all series of a name whose labels match. */
export const sumOf = (samples: ReadonlyMap<string, number>, name: string, labels = /(?:)/): number =>
  [...samples]
    .filter(([series]) => series.split('{', 1)[0] === name && labels.test(series))
    .reduce((sum, [, value]) => sum + value, 0);

/** The names of the metrics that an exposition has, with their types. */
export const typesOf = (exposition: string): Readonly<Record<string, string>> =>
  Object.fromEntries([...exposition.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => [name, type]));
