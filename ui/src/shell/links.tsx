import type { ReactNode } from 'react';
import { Link } from 'wouter';

export const jobHref = (id: string, query = ''): string => `/jobs/${encodeURIComponent(id)}${query}`;

export const taskHref = (id: string, path: string): string =>
  jobHref(id, `?task=${encodeURIComponent(path).replace(/%2F/g, '/').replace(/%5B/g, '[').replace(/%5D/g, ']')}`);

export const logHref = (id: string, path?: string, attempt?: number): string => {
  const query = new URLSearchParams();
  if (path !== undefined) query.set('task', path);
  if (attempt !== undefined) query.set('attempt', String(attempt));
  return `/jobs/${encodeURIComponent(id)}/log${query.size === 0 ? '' : `?${query}`}`;
};

export const JobLink = ({ id, children }: { readonly id: string; readonly children: ReactNode }) => (
  <Link href={jobHref(id)}>{children}</Link>
);
