/** A bare streaming proxy: fetches `?url=` with a token and passes the bytes on. */

interface ProxyEnv {
  TOKEN: string
}

export default {
  async fetch(request, { TOKEN }) {
    const url = new URL(request.url).searchParams.get('url') ?? ''
    const { status, headers, body } = await fetch(url, {
      headers: { Authorization: `Bearer ${TOKEN}` },
    })
    const passed = ['Content-Type', 'Content-Length'].flatMap((name) => {
      const value = headers.get(name)
      return value === null ? [] : [[name, value] as [string, string]]
    })
    return new Response(body, { status, headers: passed })
  },
} satisfies ExportedHandler<ProxyEnv>
