// The files of the asset server, by the hash of their content.
export default {
  async fetch(request, env) {
    const key = new URL(request.url).pathname.slice(1);
    const found = await env.FILES.fetch(`http://files/${key}`);
    const answer = new Response(found.body, found);
    answer.headers.set('CF-KV-Metadata', JSON.stringify({ contentType: env.TYPES[key] }));
    return answer;
  },
};
