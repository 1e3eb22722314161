#include "proxy/unreachable.hpp"

#include <boost/asio/error.hpp>
#include <gmock/gmock.h>
#include <openssl/x509_vfy.h>

namespace farebox {
namespace {

using ::testing::HasSubstr;
namespace error = boost::asio::error;

TEST(Unreachable, EveryReasonSaysHowToMend) {
  const boost::system::error_code none;
  EXPECT_THAT(why_unresolved(error::host_not_found), HasSubstr("typo"));
  EXPECT_THAT(why_unresolved(error::host_not_found_try_again), HasSubstr("DNS"));
  EXPECT_THAT(why_not_connected(error::connection_refused), HasSubstr("base_url"));
  EXPECT_THAT(why_not_connected(error::network_unreachable), HasSubstr("network"));
  struct Row {
    long verified;
    const char* says;
  };
  constexpr Row kRows[] = {
      {X509_V_ERR_CERT_HAS_EXPIRED, "renewed"},
      {X509_V_ERR_CERT_NOT_YET_VALID, "clock"},
      {X509_V_ERR_HOSTNAME_MISMATCH, "check the host in base_url"},
      {X509_V_ERR_IP_ADDRESS_MISMATCH, "check the host in base_url"},
      {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "ca_file"},
      {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "ca-certificates"},
      {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "ca_file"},
      {X509_V_ERR_CERT_REVOKED, "base_url"},
  };
  for (const Row& row : kRows) {
    const std::string said = why_no_tls(row.verified, none);
    EXPECT_THAT(said, HasSubstr("certificate refused: ")) << row.verified;
    EXPECT_THAT(said, HasSubstr(row.says)) << row.verified;
  }
}

// Eight calls without a descriptor opened the breaker of a provider that was well.
TEST(Unreachable, WhatWeLackIsNotTheProvidersFailure) {
  for (const int each : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
    const boost::system::error_code ec(each, boost::system::system_category());
    EXPECT_TRUE(is_lack_of_ours(ec)) << each;
    EXPECT_THAT(why_none_of_ours(ec), HasSubstr(each == EMFILE   ? "ulimit -n"
                                                : each == ENFILE ? "fs.file-max"
                                                                 : "memory"));
  }
  for (const int each : {0, ECONNREFUSED, EHOSTUNREACH, ETIMEDOUT, EACCES}) {
    EXPECT_FALSE(is_lack_of_ours({each, boost::system::system_category()})) << each;
  }
  EXPECT_FALSE(is_lack_of_ours(error::host_not_found_try_again));
}

}  // namespace
}  // namespace farebox
