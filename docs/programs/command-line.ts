import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadWorkflow, WorkflowError } from 'tintype/workflow';

const folder = mkdtempSync(join(tmpdir(), 'nightly-'));
const file = join(folder, 'nightly.yaml');
writeFileSync(
  file,
  `name: nightly
tasks:
  - name: extract
    type: bsh
    command: ./extract
    timeout: 30 seconds
  - name: report
    type: bash
    command: echo \${{ ctx.rows }} rows
    dependencies: [extrakt]
`,
);

try {
  await loadWorkflow(file, { env: false });
} catch (error) {
  if (!(error instanceof WorkflowError)) throw error;
  for (const { line, column, code, message, frame } of error.problems) {
    console.log(`nightly.yaml:${line}:${column} ${code} ${message}\n${frame}\n`);
  }
  console.log(`nightly.yaml can't run: ${error.problems.length} problems.`);
}
rmSync(folder, { recursive: true });
