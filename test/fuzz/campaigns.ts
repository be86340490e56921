/** Every campaign by its name. */
import { campaign, type Plan, type Tally } from "./campaign.ts";
import { bytesTarget, httpTarget } from "./http-target.ts";
import { framesTarget, repliesTarget } from "./wire-target.ts";

export const CAMPAIGNS: Readonly<Record<string, (plan: Plan) => Promise<Tally>>> = {
  http: (plan) => campaign(httpTarget, plan),
  bytes: (plan) => campaign(bytesTarget, plan),
  frames: (plan) => campaign(framesTarget, plan),
  replies: (plan) => campaign(repliesTarget, plan),
};
