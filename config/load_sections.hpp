// The sections of the file that are too long for load.cpp, one function each.
// For the files that make up the loader only.
#pragma once

#include <array>

#include "config/load.hpp"
#include "config/settings.hpp"
#include "config/yaml_reader.hpp"

namespace farebox {

// Ranges that several sections share. A day is longer than any call; a year
// longer than any pause.
constexpr Duration kTimeout{Milliseconds(1), std::chrono::hours(24)};
constexpr Duration kPause{Milliseconds(1), std::chrono::hours(24 * 365)};
constexpr Duration kPauseOrNone{Milliseconds(0), std::chrono::hours(24 * 365)};

// Words that the file, the environment and the command line share.
constexpr std::array<Choice<LogLevel>, 4> kLogLevels{{{"debug", LogLevel::debug},
                                                      {"info", LogLevel::info},
                                                      {"warn", LogLevel::warn},
                                                      {"error", LogLevel::error}}};
constexpr std::array<Choice<LogFormat>, 2> kLogFormats{
    {{"json", LogFormat::json}, {"text", LogFormat::text}}};

constexpr std::array<Choice<DialectName>, 8> kDialects{{{"openai", DialectName::openai},
                                                        {"anthropic", DialectName::anthropic},
                                                        {"gemini", DialectName::gemini},
                                                        {"azure", DialectName::azure},
                                                        {"mistral", DialectName::mistral},
                                                        {"cohere", DialectName::cohere},
                                                        {"bedrock", DialectName::bedrock},
                                                        {"ollama", DialectName::ollama}}};

// Each reads its key of the root.
void read_dialects(MapReader& root, Settings& settings);   // before the providers
void read_providers(MapReader& root, Settings& settings);
void read_routes(MapReader& root, Settings& settings);       // after the providers
void read_keys(MapReader& root, Settings& settings);         // after dialects and providers
void read_auth(MapReader& keys, AuthSettings& auth);
void read_budgets(MapReader& root, Settings& settings);      // after the providers
void read_rate_limits(MapReader& root, Settings& settings);  // after the providers
void read_cache(MapReader& keys, CacheSettings& cache);
void read_route_cache(MapReader& keys, RouteCacheSettings& cache);
void read_embedding_batch(MapReader& keys, EmbeddingBatchSettings& batch);
void read_alerts(MapReader& root, AlertSettings& alerts);
void read_prices(MapReader& root, Settings& settings);

// upstream_proxy or its _file twin, at the top level and under a provider.
void read_upstream_proxy(MapReader& keys, UpstreamProxySettings& proxy);
// HTTPS_PROXY and its kin; one that can't be used is a warning.
void read_proxy_environment(const Environment& environment, LoadResult& result);
// Sets every provider's and every alert channel's `proxy`. An environment that points at farebox is a warning.
void choose_proxies(LoadResult& result);

// The `dialect` of a provider: a built-in one, or one of those under `dialects`.
void read_dialect_of(MapReader& keys, const Settings& settings, ProviderSettings& provider);

// Of what was said of it and can't take effect, once all of it is read.
void warn_about_provider(MapReader& keys, const ProviderSettings& provider);

// A target of a route or a scope must be a provider of this file.
Result<void> check_known_provider(std::string_view name, const Settings& settings);

// A built-in dialect, or one of this file.
Result<void> check_known_dialect(std::string_view name, const Settings& settings);

// FAREBOX_LISTEN, FAREBOX_ADMIN_LISTEN, FAREBOX_ADMIN_TOKEN, FAREBOX_DATA_DIR and
// FAREBOX_LOG_LEVEL; an empty one counts as not set.
void apply_environment(const Environment& environment, LoadResult& result);

}  // namespace farebox
