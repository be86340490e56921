/** Every campaign by its name. */
import { answersTarget } from "./answers-target.ts";
import { campaign, type Plan, type Tally } from "./campaign.ts";
import { dialectsTarget } from "./dialects-target.ts";
import { engineTarget } from "./engine-target.ts";
import { grpcTarget } from "./grpc-target.ts";
import { bytesTarget, httpTarget } from "./http-target.ts";
import { liveTarget } from "./live-target.ts";
import { streamsTarget } from "./streams-target.ts";
import { framesTarget, repliesTarget } from "./wire-target.ts";

export const CAMPAIGNS: Readonly<Record<string, (plan: Plan) => Promise<Tally>>> = {
  http: (plan) => campaign(httpTarget, plan),
  bytes: (plan) => campaign(bytesTarget, plan),
  grpc: (plan) => campaign(grpcTarget, plan),
  engine: (plan) => campaign(engineTarget, plan),
  live: (plan) => campaign(liveTarget, { lanes: 32, ...plan }),
  dialects: (plan) => campaign(dialectsTarget, { lanes: 16, ...plan }),
  answers: (plan) => campaign(answersTarget, { lanes: 2, ...plan }),
  frames: (plan) => campaign(framesTarget, plan),
  replies: (plan) => campaign(repliesTarget, plan),
  streams: (plan) => campaign(streamsTarget, plan),
};
