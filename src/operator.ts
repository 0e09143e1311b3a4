/** The operator's entrypoint: a service binding, which needs the right to deploy to the account; no HTTP request reaches it. */

import { WorkerEntrypoint } from 'cloudflare:workers'
import { type AuditEvent, type AuditFields, openAuditLog } from './audit/audit.ts'
import { configOf } from './config/config.ts'
import type { OperatorCalls, Report, SubjectPage } from './protocol/operator.ts'
import { scopeSetKey } from './subject/grants.ts'
import { listSubjects } from './subject/kv-records.ts'

/**
 * What operators can do: list metadata, reseal records, disconnect a subject. No method reads, exports or creates a token (TMB-78, TMB-79).
 *
 * Every call about subjects is recorded in the audit log, with the name of the operator. Cloudflare checks who may bind.
 */
export class Operator extends WorkerEntrypoint<Env> implements OperatorCalls {
  async keys(): ReturnType<OperatorCalls['keys']> {
    const config = configOf(this.env)
    if (config instanceof TypeError) return { problems: config.cause as string[] }
    const { bundles, keyring } = config
    const named = [...bundles].map(async ([name, { scopes }]) => [await scopeSetKey(scopes), name])
    const { current, kids } = keyring
    return { current, kids, bundles: Object.fromEntries(await Promise.all(named)) }
  }

  async subjects(operator: string, cursor?: string): Promise<SubjectPage> {
    const page = await listSubjects(this.env.TOKENS, cursor)
    this.#record('operator_list', { operator, subjects: page.subjects.length })
    return page
  }

  async stats(operator: string, subjects: readonly string[], reseal: boolean): Promise<Report[]> {
    const event = reseal ? 'operator_reseal' : 'operator_stats'
    this.#record(event, { operator, subjects: subjects.length })
    const reports = subjects.map(async (subject): Promise<Report> => {
      try {
        const stats = await this.env.SUBJECTS.getByName(subject).stats(reseal)
        return { subject, ...(stats ? { stats } : {}) }
      } catch {
        return { subject, failed: true }
      }
    })
    return Promise.all(reports)
  }

  async subjectKey(client_id: string, sub: string): Promise<string | undefined> {
    const config = configOf(this.env)
    if (config instanceof TypeError) return undefined
    const { clients, issuer, pseudonyms } = config
    const client = clients.get(client_id)
    const iss = client?.app_issuer?.issuer ?? issuer
    return client && pseudonyms.subjectKey({ client: client_id, iss, sub })
  }

  async forget(operator: string, subject: string): Promise<boolean> {
    this.#record('operator_forget', { operator, subject })
    return this.env.SUBJECTS.getByName(subject).disconnectForOperator()
  }

  #record(event: AuditEvent, fields: AuditFields): void {
    openAuditLog(this.env, (work) => this.ctx.waitUntil(work)).record(event, fields)
  }
}
