/** The bars of a Mermaid gantt by section, each as `text from-to`, in ms since `startMs`; of a milestone `text at`. */
export const barsOf = (gantt: string, startMs: number): Record<string, string[]> => {
  const sections: Record<string, string[]> = {};
  let bars: string[] = [];
  for (const line of gantt.split('\n')) {
    const [, section] = /^ {2}section (.*)$/.exec(line) ?? [];
    if (section !== undefined) {
      bars = [];
      sections[section] = bars;
    }
    const [, text, milestone, from, to] = /^ {2}(.*) :(milestone, )?\w+, (\d+), (\d+)$/.exec(line) ?? [];
    if (text === undefined) continue;
    const times = milestone ? `${Number(from) - startMs}` : `${Number(from) - startMs}-${Number(to) - startMs}`;
    bars.push(`${text} ${times}`);
  }
  return sections;
};
