// Tells the Worker who is at the other end, as Cloudflare's network does. Behind a proxy that is the last address in
// X-Forwarded-For, which the proxy itself has added; what comes before it, and the header of Cloudflare, anybody can write.
const ADDRESS = 'CF-Connecting-IP';

export default {
  fetch(request, env) {
    const headers = new Headers(request.headers);
    headers.delete(ADDRESS);
    const address = headers.get('X-Forwarded-For')?.split(',').at(-1).trim();
    if (env.PROXIED && address) headers.set(ADDRESS, address);
    return env.NEXT.fetch(new Request(request, { headers }));
  },
};
