import { problemPlace, type WorkflowError } from '../../workflow/problem.ts';
import { counted } from './counted.ts';
import type { Printer } from './printer.ts';

export const printWorkflowError = ({ file, problems }: WorkflowError, { line, style, sanitize }: Printer): void => {
  for (const problem of problems.slice(0, MAX_PROBLEMS)) {
    const [message = '', ...more] = problem.message.split('\n').map(sanitize);
    line(`${style('bold', sanitize(problemPlace(file, problem)))} ${style('red', problem.code)} ${message}`);
    for (const text of more) line(text);
    if (problem.frame) line(`${problem.frame}\n`);
  }
  const count = counted(problems.length, 'problem');
  const shown = problems.length > MAX_PROBLEMS ? `; the first ${MAX_PROBLEMS} are shown` : '';
  line(`${sanitize(file)} can't run: ${count}${shown}.`);
};

const MAX_PROBLEMS = 100;
