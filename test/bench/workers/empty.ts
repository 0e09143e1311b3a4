/** This file is an empty Worker: what a cold start costs when there is nothing to start. */

export default { fetch: () => new Response('{}') } satisfies ExportedHandler
