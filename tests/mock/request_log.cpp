#include "tests/mock/request_log.hpp"

#include "tests/mock/octets.hpp"

namespace farebox::mock {

namespace {

constexpr std::size_t kMostExchanges = 50'000;
constexpr std::size_t kBodyKept = 64 << 10;

Json fields_json(const std::vector<Field>& fields) {
  Json out = Json::array();
  for (const Field& field : fields) {
    out.push_back(Json::array({latin1_to_utf8(field.name), latin1_to_utf8(field.value)}));
  }
  return out;
}

Json exchange_json(const Exchange& exchange) {
  const Request& request = exchange.request;
  Json out = {{"id", exchange.id},
              {"connection", exchange.connection},
              {"nth", exchange.nth},
              {"headAt", exchange.head_at},
              {"bodyAt", exchange.body_at},
              {"method", latin1_to_utf8(request.method)},
              {"target", latin1_to_utf8(request.target)},
              {"version", latin1_to_utf8(request.version)},
              {"head", latin1_to_utf8(request.head)},
              {"headers", fields_json(request.fields)},
              {"trailers", fields_json(request.trailers)},
              {"chunks", request.chunks},
              {"bodySize", exchange.body_size},
              {"bodySha256", exchange.body_sha256},
              {"bodyBase64", base64(request.body)},
              {"fault", request.fault},
              {"outcome", exchange.ended.outcome},
              {"status", exchange.ended.status},
              {"wireOctets", exchange.ended.wire_octets},
              {"peerLeftAt", exchange.ended.peer_left_at}};
  if (!exchange.tls.protocol.empty()) {
    out["tls"] = {{"protocol", exchange.tls.protocol},
                  {"sni", exchange.tls.server_name},
                  {"alpn", exchange.tls.alpn},
                  {"resumed", exchange.tls.resumed}};
  }
  return out;
}

bool costs(const Exchange& exchange) {
  return exchange.ended.status < 400 && exchange.input_tokens + exchange.ended.promised_tokens > 0;
}

}  // namespace

std::uint64_t RequestLog::begin(Exchange exchange) {
  const std::lock_guard lock(mutex_);
  exchange.id = next_id_++;
  exchanges_.push_back(std::move(exchange));
  if (exchanges_.size() > kMostExchanges) exchanges_.pop_front();
  return next_id_ - 1;
}

void RequestLog::body_read(std::uint64_t id, const Request& request) {
  const std::string sha256 = sha256_hex(request.body);
  const double now = monotonic_seconds();
  const std::lock_guard lock(mutex_);
  Exchange* exchange = find(id);
  if (exchange == nullptr) return;
  exchange->body_at = now;
  exchange->body_size = request.body.size();
  exchange->body_sha256 = sha256;
  exchange->request.body = request.body.substr(0, kBodyKept);
  exchange->request.chunks = request.chunks;
  exchange->request.trailers = request.trailers;
  exchange->request.fault = request.fault;
}

void RequestLog::answering(std::uint64_t id, std::string model, std::uint64_t input_tokens,
                           bool streamed) {
  const std::lock_guard lock(mutex_);
  Exchange* exchange = find(id);
  if (exchange == nullptr) return;
  exchange->model = std::move(model);
  exchange->input_tokens = input_tokens;
  exchange->streamed = streamed;
}

void RequestLog::end(std::uint64_t id, const Ended& ended) {
  const std::lock_guard lock(mutex_);
  if (Exchange* exchange = find(id)) exchange->ended = ended;
}

Json RequestLog::requests(std::uint64_t after) const {
  const std::lock_guard lock(mutex_);
  Json list = Json::array();
  for (const Exchange& exchange : exchanges_) {
    if (exchange.id > after) list.push_back(exchange_json(exchange));
  }
  return {{"requests", std::move(list)}};
}

Json RequestLog::bill() const {
  const std::lock_guard lock(mutex_);
  Json lines = Json::array();
  std::uint64_t input = 0, output = 0;
  for (const Exchange& exchange : exchanges_) {
    if (!costs(exchange)) continue;
    input += exchange.input_tokens;
    output += exchange.ended.output_tokens;
    lines.push_back({{"id", exchange.id},
                     {"target", latin1_to_utf8(exchange.request.target)},
                     {"model", exchange.model},
                     {"stream", exchange.streamed},
                     {"inputTokens", exchange.input_tokens},
                     {"outputTokens", exchange.ended.output_tokens},
                     {"promisedTokens", exchange.ended.promised_tokens},
                     {"outcome", exchange.ended.outcome}});
  }
  Json out = {{"lines", std::move(lines)}};
  out["total"] = {
      {"requests", out["lines"].size()}, {"inputTokens", input}, {"outputTokens", output}};
  return out;
}

void RequestLog::clear() {
  const std::lock_guard lock(mutex_);
  exchanges_.clear();
}

Exchange* RequestLog::find(std::uint64_t id) {
  if (exchanges_.empty() || id < exchanges_.front().id) return nullptr;
  const std::uint64_t index = id - exchanges_.front().id;
  return index < exchanges_.size() ? &exchanges_[index] : nullptr;
}

}  // namespace farebox::mock
