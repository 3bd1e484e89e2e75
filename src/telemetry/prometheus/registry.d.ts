/** The registry alone: the whole of prom-client calls `require`, which a bundle as ES module lacks. */
declare module 'prom-client/lib/registry.js' {
  import { Registry } from 'prom-client';
  export default Registry;
}
