import { frontConformance } from "../../../conformance/fronts/front-conformance.ts";
import { serveHttp } from "../../../support/serve-http.ts";

frontConformance("HTTP", {
  wire: "json",
  async connect(rollouts) {
    const serving = await serveHttp({ rollouts });
    return { ...serving.client, close: serving.close };
  },
});
