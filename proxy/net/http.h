// HTTP messages as values: what services take and give. No sockets and no Beast here, so that
// services run in memory in tests.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "store/disk/blob_store.h"
#include "store/disk/spool_file.h"

namespace npmgate {

// Header fields: names compared without case, first occurrence wins on lookup.
class Headers {
 public:
  void add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  // "" if absent.
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct Request {
  Request() {}  // constructors: both travel into coroutines (see proxy/net/async.h)
  std::string method;
  std::string target;  // as on the request line
  Headers headers;
  std::string body;                          // only for routes that read one; decoded from gzip
  std::shared_ptr<const SpoolFile> spooled;  // the body instead, if it is large (BodyRule)
  std::string peer;                          // client address, after trusted_proxies
  bool proxied = false;                      // a trusted proxy passed it on
  std::string id;                            // of this request: in the answer and in log lines
  bool admitted = false;                     // Service::admit() let it pass
  std::string client;                        // name of the token it came with; "" without one
  bool secure = false;                       // came over TLS
  std::string base_url;  // public URL this request was made to, with trailing slash
  std::string mount;     // what the gate's own address puts before a page of the desk; "" = nothing
};

using Bytes = std::shared_ptr<const std::string>;

struct Response {
  Response() {}
  int status = 200;
  std::string reason;  // "" = the standard phrase
  // If it is not null: status line, fields and length as status_and_fields() wrote them once.
  // `headers` then holds what goes behind them, and status is for the log.
  Bytes finished_head;
  std::vector<std::pair<std::string, std::string>> headers;
  Bytes body;                                     // null = empty
  std::shared_ptr<const BlobStore::Handle> blob;  // sent instead of body
  std::uint64_t offset = 0;                       // of blob: the first byte that is sent
  std::optional<std::uint64_t> part;              // of blob: how many; nullopt: the rest
  std::string_view kind;                          // for metrics: "packument", "tarball" …
  std::string_view cache;                         // hit, miss, stale: for metrics and the log
  void set(std::string name, std::string value) {
    headers.emplace_back(std::move(name), std::move(value));
  }
  std::uint64_t length() const {
    if (blob) return part ? *part : blob->size - offset;
    return body ? body->size() : 0;
  }
};

std::string_view standard_reason(int status);
// Status line and fields with the length of the body, each line ended; without "connection" and
// without the empty line. A finished head is left out.
std::string status_and_fields(const Response& response);

// What a Range header asks of `size` bytes (RFC 9110, 14.2): one range of bytes.
struct ByteRange {
  std::uint64_t first = 0, count = 0;  // count 0: it cannot be satisfied (416)
};
// nullopt: to be passed over, the whole is sent (other units, several ranges, no valid range).
std::optional<ByteRange> byte_range(std::string_view range, std::uint64_t size);
// Whether `accept_encoding` allows gzip (RFC 9110, 12.5.3: "gzip;q=0" and "*;q=0" do not).
bool accepts_gzip(std::string_view accept_encoding);
// Whether an If-None-Match value lists this entity tag (weak comparison) or is "*".
bool etag_matches(std::string_view if_none_match, std::string_view etag);

Response text_response(int status, std::string body,
                       std::string content_type = "text/plain; charset=utf-8");
Response json_response(int status, std::string body);
// {"error": sentence} with the sentence as npm-notice and, if `reason` is set, as reason phrase
// (SPEC, section 6).
Response error_response(int status, std::string_view sentence, std::string_view reason = {});
// An upstream that refuses the gate itself (401, 403, 451), with what it said: no verdict of the
// gate's, and nothing that waiting mends. `said`: its answer's body; one line of it is told.
Error denied_by_upstream(std::string_view upstream, int status, std::string_view what,
                         std::string_view said);
// The one place where an Error becomes a response. Errors of the disk are logged here, and told to
// clients without paths.
Response response_for(const Error& error);

}  // namespace npmgate
