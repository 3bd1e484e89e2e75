import { Link, useLocation } from 'wouter';
import { useAction } from '../actions/use-action.ts';
import { setZone, useZone } from '../text/time.ts';
import { useSession } from './session.tsx';
import { setTheme, type Theme, useTheme } from './theme.ts';
import { useWaitingCount } from './use-waiting-count.ts';

const NEXT: Readonly<Record<Theme, Theme>> = { auto: 'dark', dark: 'light', light: 'auto' };

const PAGES = [
  { href: '/', name: 'Jobs', within: ['/jobs'] },
  { href: '/waiting', name: 'Waiting for people', within: [] },
  { href: '/topics', name: 'Topics', within: [] },
  { href: '/limits', name: 'Limits', within: [] },
  { href: '/definitions', name: 'Definitions', within: [] },
] as const;

const Mark = () => (
  <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
    <path d="M10 9c6 0 5 7 12 7M10 23c6 0 5-7 12-7" />
    <rect x="4" y="6" width="8" height="6" rx="1.5" className="mark-completed" />
    <rect x="4" y="20" width="8" height="6" rx="1.5" className="mark-failed" />
    <rect x="20" y="13" width="8" height="6" rx="1.5" className="mark-running" />
  </svg>
);

const ThemeIcon = ({ theme }: { readonly theme: Theme }) => (
  <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" className="theme-icon">
    <circle cx="8" cy="8" r="6" className={theme === 'dark' ? 'solid' : undefined} />
    {theme === 'auto' ? <path d="M8 2a6 6 0 0 1 0 12z" className="solid" /> : null}
  </svg>
);

export const Nav = ({ onKeys }: { readonly onKeys: () => void }) => {
  const [path] = useLocation();
  const zone = useZone();
  const theme = useTheme();
  const waiting = useWaitingCount();
  const { who, may, signOut } = useSession();
  const leave = useAction(signOut);
  // Who does units alone may see nothing else.
  const pages = may('viewer') ? PAGES : PAGES.filter(({ href }) => href === '/waiting');
  const isHere = (href: string, within: readonly string[]): boolean =>
    path === href || [href, ...within].some((one) => one !== '/' && path.startsWith(`${one}/`));
  return (
    <>
      <a className="skip" href="#main">
        To the content
      </a>
      <nav className="nav" aria-label="Pages">
        <Link href="/" className="brand">
          <Mark />
          tintype
        </Link>
        {pages.map(({ href, name, within }) => (
          <Link key={href} href={href} {...(isHere(href, within) ? { 'aria-current': 'page' as const } : {})}>
            {name}
            {href === '/waiting' && waiting > 0 ? <b className="badge">{waiting}</b> : null}
          </Link>
        ))}
        <span className="grow" />
        {leave.error === undefined ? null : (
          <span role="alert" className="bad small">
            {leave.error}
          </span>
        )}
        {who.session === undefined ? null : (
          <button type="button" className="plain" onClick={() => void leave.run()} title={`Signed in as ${who.name}`}>
            Sign out
          </button>
        )}
        <button
          type="button"
          className="plain"
          onClick={() => setZone(zone === 'utc' ? 'local' : 'utc')}
          title="Show all times in the other zone"
        >
          {zone === 'utc' ? 'UTC' : 'Local time'}
        </button>
        <button
          type="button"
          className="plain icon"
          onClick={() => setTheme(NEXT[theme])}
          aria-label={`Theme: ${theme}`}
        >
          <ThemeIcon theme={theme} />
        </button>
        <button type="button" className="plain icon" onClick={onKeys} aria-label="Keys">
          ?
        </button>
      </nav>
    </>
  );
};
