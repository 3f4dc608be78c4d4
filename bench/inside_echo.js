// Around the bare object of echo.js: collects garbage at `/inside`, as inside.js does.
import echo from './echo.js';
export { Echo } from './echo.js';

export default {
  fetch(request, env) {
    if (new URL(request.url).pathname !== '/inside') return echo.fetch(request, env);
    gc();
    return Response.json({});
  },
};
