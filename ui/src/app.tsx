import { useRef, useState } from 'react';
import { Route, Router, Switch, useLocation } from 'wouter';
import { nameIn, useRawLocation, useRawSearch } from './address/raw-location.ts';
import { BASE_PATH } from './api/base-path.ts';
import { DefinitionPage } from './definitions/definition-page.tsx';
import { DefinitionsPage } from './definitions/definitions-page.tsx';
import { JobPage } from './job/job-page.tsx';
import { JobsPage } from './jobs/jobs-page.tsx';
import { LimitsPage } from './limits/limits-page.tsx';
import { LogPage } from './log/log-page.tsx';
import { ErrorBoundary } from './shell/error-boundary.tsx';
import { jobsHref } from './shell/jobs-href.ts';
import { Keys } from './shell/keys.tsx';
import { Nav } from './shell/nav.tsx';
import { NotFound } from './shell/not-found.tsx';
import { SessionGate, useSession } from './shell/session.tsx';
import { useKeys } from './shell/use-keys.ts';
import { usePageFocus } from './shell/use-page-focus.ts';
import { TopicPage } from './topics/topic-page.tsx';
import { TopicsPage } from './topics/topics-page.tsx';
import { WaitingPage } from './waiting/waiting-page.tsx';

const Pages = () => {
  const [keysShown, setKeysShown] = useState(false);
  const [path, navigate] = useLocation();
  const { may } = useSession();
  const pages = useRef<HTMLDivElement>(null);
  usePageFocus(pages, path);
  useKeys({
    '?': () => setKeysShown(true),
    u: () => path !== '/' && navigate(jobsHref()),
  });
  return (
    <>
      <Nav onKeys={() => setKeysShown(true)} />
      <div className="page" ref={pages}>
        <ErrorBoundary key={path}>
          <Switch>
            {/* Who may do units alone finds them everywhere. */}
            {may('viewer') ? null : <Route component={WaitingPage} />}
            <Route path="/" component={JobsPage} />
            <Route path="/jobs/:id">{({ id }) => <JobPage key={id} id={nameIn(id)} />}</Route>
            <Route path="/jobs/:id/log">{({ id }) => <LogPage key={id} id={nameIn(id)} />}</Route>
            <Route path="/waiting" component={WaitingPage} />
            <Route path="/topics" component={TopicsPage} />
            <Route path="/topics/:name">{({ name }) => <TopicPage key={name} name={nameIn(name)} />}</Route>
            <Route path="/limits" component={LimitsPage} />
            <Route path="/definitions" component={DefinitionsPage} />
            <Route path="/definitions/:name">{({ name }) => <DefinitionPage key={name} name={nameIn(name)} />}</Route>
            <Route>
              <NotFound />
            </Route>
          </Switch>
        </ErrorBoundary>
      </div>
      {keysShown ? <Keys onClose={() => setKeysShown(false)} /> : null}
    </>
  );
};

export const App = () => (
  <Router base={BASE_PATH} hook={useRawLocation} searchHook={useRawSearch}>
    <SessionGate>
      <Pages />
    </SessionGate>
  </Router>
);
