import { type Finding, problemPlace, type WorkflowError } from '../../workflow/problem.ts';
import { counted } from './counted.ts';
import { jsonMessage, printTogether } from './json-messages.ts';
import type { Printer, Style } from './printer.ts';

export const printWorkflowError = ({ file, problems, code }: WorkflowError, printer: Printer): void => {
  const { sanitize } = printer;
  printFindings(file, problems, 'red', printer);
  const count = counted(problems.length, 'problem');
  const shown = problems.length > MAX_PROBLEMS ? `; the first ${MAX_PROBLEMS} are shown` : '';
  printTogether(printer, [`${sanitize(file)} can't run: ${count}${shown}.`], { level: 'error', code, file });
};

/** Prints each problem or warning with its place; the first of many. As JSON, one value for each. */
export const printFindings = (
  file: string,
  findings: readonly Finding[],
  colour: Style,
  { line, json, style, sanitize }: Printer,
): void => {
  const level = colour === 'red' ? 'error' : 'warn';
  for (const finding of findings.slice(0, MAX_PROBLEMS)) {
    if (json) {
      const { message, frame: _, ...place } = finding;
      json(jsonMessage(message, { level, file, ...place }));
      continue;
    }
    const [message = '', ...more] = finding.message.split('\n').map(sanitize);
    line(`${style('bold', sanitize(problemPlace(file, finding)))} ${style(colour, finding.code)} ${message}`);
    for (const text of more) line(text);
    if (finding.frame) line(`${finding.frame}\n`);
  }
};

const MAX_PROBLEMS = 100;
