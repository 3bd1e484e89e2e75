import { type Finding, problemPlace, type WorkflowError } from '../../workflow/problem.ts';
import { counted } from './counted.ts';
import type { Printer, Style } from './printer.ts';

export const printWorkflowError = ({ file, problems }: WorkflowError, printer: Printer): void => {
  const { line, sanitize } = printer;
  printFindings(file, problems, 'red', printer);
  const count = counted(problems.length, 'problem');
  const shown = problems.length > MAX_PROBLEMS ? `; the first ${MAX_PROBLEMS} are shown` : '';
  line(`${sanitize(file)} can't run: ${count}${shown}.`);
};

/** Prints each problem or warning with its place; the first of many. */
export const printFindings = (
  file: string,
  findings: readonly Finding[],
  colour: Style,
  { line, style, sanitize }: Printer,
): void => {
  for (const finding of findings.slice(0, MAX_PROBLEMS)) {
    const [message = '', ...more] = finding.message.split('\n').map(sanitize);
    line(`${style('bold', sanitize(problemPlace(file, finding)))} ${style(colour, finding.code)} ${message}`);
    for (const text of more) line(text);
    if (finding.frame) line(`${finding.frame}\n`);
  }
};

const MAX_PROBLEMS = 100;
