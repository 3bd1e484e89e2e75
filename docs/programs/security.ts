import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadWorkflow } from 'tintype/workflow';

const folder = mkdtempSync(join(tmpdir(), 'security-'));
const file = join(folder, 'spell.yaml');
writeFileSync(
  file,
  `
name: spell
secrets: [TOKEN]
tasks:
  - name: spell
    type: node
    command: |
      const { TOKEN } = process.env;
      console.log('plain', TOKEN);
      console.log('colour', TOKEN.replace('/', '\\x1b[31m/\\x1b[0m'));
      console.log('url', encodeURIComponent(TOKEN), encodeURI(TOKEN));
      console.log('json', JSON.stringify({ TOKEN }));
      console.log('base64', Buffer.from('user:' + TOKEN).toString('base64'));
      console.log('hex', Buffer.from(TOKEN).toString('hex'));
`,
);

const { definition } = await loadWorkflow(file, { env: { TOKEN: 'open/"sesame"' } });
const job = definition.start();
job.events$.subscribe((event) => {
  if (event.type === 'task.log') console.log(event.message);
});
await job;
rmSync(folder, { recursive: true });
