/** An empty Worker, for the time that a cold start takes by itself. */

export default { fetch: () => new Response('{}') } satisfies ExportedHandler
