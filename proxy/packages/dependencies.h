// What the parts of the running gate share.
#pragma once

namespace npmgate {

class ActivePolicy;
class BlobStore;
class Clock;
class Inspector;
class Metrics;
class Pool;
class StateStore;
class Upstream;
struct Config;

// Owned by the composition root and outlives everything that it is given to; copied freely. Each
// member is safe to use from every thread.
struct Dependencies {
  const Config& config;
  const Clock& clock;
  Upstream& upstream;
  StateStore& store;
  BlobStore& blobs;
  Pool& pool;
  ActivePolicy& active_policy;
  Metrics& metrics;
  Inspector& inspector;
};

}  // namespace npmgate
