// On Cloudflare the limiter is a service of the network. This one does the same in one process: so many a period and key.
class Ratelimit {
  constructor({ limit, period }) {
    Object.assign(this, { allowed: limit, period, window: 0, seen: new Map() });
  }

  async limit({ key }) {
    const window = Math.floor(Date.now() / 1000 / this.period);
    if (window !== this.window) Object.assign(this, { window, seen: new Map() });
    const count = (this.seen.get(key) ?? 0) + 1;
    this.seen.set(key, count);
    return { success: count <= this.allowed };
  }
}

export default (env) => new Ratelimit(env);
