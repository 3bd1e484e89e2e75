import type { Plan } from '../../engine/definition/plan.ts';
import { PLAN } from '../../engine/definition/sealed.ts';
import type { JournalJob } from '../../engine/durable/journal.ts';
import type { Catalog } from '../definitions/catalog.ts';
import { compileDocument } from '../documents/compile.ts';
import type { Documents } from '../documents/documents.ts';

/**
 * Returns the plan of a stored job, with the tasks that a document's job got while it ran; undefined if nobody knows its
 * definition here. Says whom units are for and what they have to know, which no journal keeps.
 */
export const planOf = async (
  { documents, catalog }: { readonly documents: Documents; readonly catalog: Catalog },
  { id, name }: JournalJob,
): Promise<Plan | undefined> => {
  const document = await documents.documentOf(id);
  if (!document) return catalog.entries().get(name)?.definition?.[PLAN];
  return compileDocument({ ...document, tasks: [...document.tasks, ...(await documents.addedTo(id))] })[PLAN];
};
