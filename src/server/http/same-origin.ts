import { HttpProblem } from './problem.ts';

/**
 * Refuses what comes from elsewhere to a server that asks for no token: requests of other machines, those that a proxy
 * passed on, those to another host name than the loopback's (DNS rebinding), and those of pages of another origin.
 * `address`: that of the peer; undefined if nobody knows it. @throws HttpProblem
 */
export const requireSameOrigin = (request: Request, address: string | undefined): void => {
  if (address === undefined || !isLoopback(address.replace(/^::ffff:/i, '')))
    throw address === undefined
      ? forbidden('It is not known which machine asks. Make a token: tintype token create.', UNKNOWN_ADDRESS)
      : forbidden('Without tokens the server answers to this machine alone. Make one: tintype token create.');
  if (FORWARDED.some((header) => request.headers.has(header)))
    throw forbidden(
      'Without tokens the server answers nothing that a proxy passes on. Make one: tintype token create.',
    );
  const { host, hostname } = new URL(request.url);
  const given = (request.headers.get('host') ?? host).toLowerCase();
  if (!isLoopback(hostnameOf(given)) || !isLoopback(hostname))
    throw forbidden(`Without tokens the server answers to localhost alone, not to ${JSON.stringify(given)}.`);
  const origin = request.headers.get('origin');
  if (origin !== null && origin !== `http://${given}` && origin !== `https://${given}`)
    throw forbidden(`Pages of ${JSON.stringify(origin)} may not use a server without tokens.`);
};

/** Headers that proxies add. */
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'];

const UNKNOWN_ADDRESS = 'Or, in a program that knows who asks, pass tokens: false.';

const forbidden = (detail: string, remedy?: string): HttpProblem =>
  new HttpProblem(403, 'FORBIDDEN', detail, { remedy });

/** Whether a host name or address stands for this machine alone. */
export const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' ||
  hostname.endsWith('.localhost') ||
  hostname === '::1' ||
  hostname === '[::1]' ||
  /^127(\.\d{1,3}){3}$/.test(hostname);

const hostnameOf = (host: string): string => /^(\[[^\]]*\]|[^:]*)(:\d+)?$/.exec(host)?.[1] ?? '';
