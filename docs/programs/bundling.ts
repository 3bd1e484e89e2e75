import { defineJob } from 'tintype';

const job = defineJob('bundled').task('greet', () => ({ greeting: 'Hello from one file.' }));
console.log((await job.start().orThrow()).greeting);
