/** A certificate for this machine, made for one run, and https in front of a server that speaks http. */

import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { createServer, getCACertificates, setDefaultCACertificates } from 'node:tls'
import { promisify } from 'node:util'

/** Paths of PEM files. */
export interface Certificate {
  key: string
  cert: string
}

/** Makes a certificate with the program `openssl`, and has this process trust it. */
export async function makeCertificate(folder: string): Promise<Certificate> {
  const paths = { key: join(folder, 'key.pem'), cert: join(folder, 'cert.pem') }
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc']
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const files = ['-keyout', paths.key, '-out', paths.cert, '-days', '2']
  await promisify(execFile)('openssl', ['req', '-x509', ...kind, ...names, ...files])
  const pem = await readFile(paths.cert, 'utf8')
  setDefaultCACertificates([...getCACertificates('default'), pem])
  return paths
}

/** Listens for https on a port, and passes everything on to another port of this machine. @returns the port */
export async function startTlsProxy(
  certificate: Certificate,
  port: number,
  target: number,
): Promise<number> {
  const [key, cert] = await Promise.all([readFile(certificate.key), readFile(certificate.cert)])
  const server = createServer({ key, cert }, (outer) => {
    const inner = connect(target, '127.0.0.1')
    outer.on('error', () => inner.destroy()).pipe(inner)
    inner.on('error', () => outer.destroy()).pipe(outer)
  })
  server.on('tlsClientError', () => {}) // a browser hangs up before it accepts the certificate
  await once(server.listen(port, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}
