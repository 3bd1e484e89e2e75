import { randomBytes } from 'node:crypto';

/**
 * A page that holds stately.ai's inspector in a frame, and passes on to it what the WebSocket at the page's own address
 * sends. The frame gets events from this page alone; its own server sees neither them nor the page's address.
 */
export const inspectionPage = (): {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
} => {
  const nonce = randomBytes(16).toString('base64');
  return {
    status: 200,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'content-security-policy': `default-src 'none'; frame-src https:; connect-src 'self' ws:; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; frame-ancestors 'none'`,
    },
    body: pageText(nonce),
  };
};

const pageText = (nonce: string): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Inspector</title>
<style nonce="${nonce}">
  html, body { height: 100%; margin: 0; }
  iframe { border: 0; height: 100%; width: 100%; }
</style>
<iframe src="https://stately.ai/inspect" title="Inspector of stately.ai"></iframe>
<script nonce="${nonce}">
  const frame = document.querySelector('iframe').contentWindow;
  const waiting = [];
  let origin;
  const pass = (event) => origin === undefined ? waiting.push(event) : frame.postMessage(event, origin);
  addEventListener('message', (message) => {
    if (message.source !== frame || message.data?.type !== '@statelyai.connected') return;
    origin = message.origin;
    for (const event of waiting.splice(0)) pass(event);
  });
  new WebSocket(location.href.replace('http', 'ws')).onmessage = ({ data }) => pass(JSON.parse(data));
</script>
`;
