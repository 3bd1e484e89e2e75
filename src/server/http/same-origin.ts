import { HttpProblem } from './problem.ts';

/**
 * Refuses what a hostile page in the browser of this machine could send to a server that asks for no token: requests to
 * another host name than the loopback's (DNS rebinding), and requests from pages of another origin. @throws HttpProblem
 */
export const requireSameOrigin = (request: Request): void => {
  const { host, hostname } = new URL(request.url);
  const given = request.headers.get('host') ?? host;
  if (!isLoopback(hostnameOf(given)) || !isLoopback(hostname)) {
    throw new HttpProblem(
      403,
      'FORBIDDEN',
      `Without tokens the server answers to localhost alone, not to ${JSON.stringify(given)}.`,
    );
  }
  const origin = request.headers.get('origin');
  if (origin !== null && origin !== `http://${given}` && origin !== `https://${given}`) {
    throw new HttpProblem(403, 'FORBIDDEN', `Pages of ${JSON.stringify(origin)} may not use a server without tokens.`);
  }
};

/** Whether a host name or address stands for this machine alone. */
export const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' ||
  hostname.endsWith('.localhost') ||
  hostname === '::1' ||
  hostname === '[::1]' ||
  /^127(\.\d{1,3}){3}$/.test(hostname);

const hostnameOf = (host: string): string => /^(\[[^\]]*\]|[^:]*)(:\d+)?$/.exec(host)?.[1] ?? '';
