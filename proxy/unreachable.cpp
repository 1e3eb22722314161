#include "proxy/unreachable.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509_vfy.h>

namespace farebox {
namespace {

namespace asio = boost::asio;

const char* mend_certificate(long verified) {
  switch (verified) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "it must be renewed there, or this machine's clock is wrong";
    case X509_V_ERR_CERT_NOT_YET_VALID: return "this machine's clock may be wrong";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "it is made for another name; check the host in base_url";
    case X509_V_ERR_INVALID_PURPOSE: return "it is not made for a server";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "its CA is not trusted here; install the package ca-certificates, or name the CA's PEM "
             "file as ca_file of this provider (or SSL_CERT_FILE), also for a firewall that opens "
             "TLS";
    default: return "check base_url and ca_file";
  }
}

}  // namespace

std::string why_unresolved(const boost::system::error_code& ec) {
  if (ec == asio::error::host_not_found_try_again) {
    return fmt::format("no name server answers ({}); check this machine's DNS and network",
                       ec.message());
  }
  return fmt::format("its name can't be resolved ({}); check base_url for a typo, and this "
                     "machine's DNS",
                     ec.message());
}

std::string why_not_connected(const boost::system::error_code& ec) {
  if (ec == asio::error::connection_refused) {
    return fmt::format("nothing listens there ({}); check host and port of base_url, and that the "
                       "server runs",
                       ec.message());
  }
  if (ec == asio::error::network_unreachable || ec == asio::error::host_unreachable) {
    return fmt::format("there is no way there ({}); check this machine's network", ec.message());
  }
  return ec.message();
}

bool is_lack_of_ours(const boost::system::error_code& ec) {
  using boost::system::errc::errc_t;
  // EMFILE, ENFILE, ENOBUFS, ENOMEM
  for (const errc_t each :
       {errc_t::too_many_files_open, errc_t::too_many_files_open_in_system,
        errc_t::no_buffer_space, errc_t::not_enough_memory}) {
    if (ec == each) return true;
  }
  return false;
}

std::string why_none_of_ours(const boost::system::error_code& ec) {
  if (ec == boost::system::errc::too_many_files_open) {
    return fmt::format("farebox has no file descriptor left ({}); raise the limit of open files "
                       "(ulimit -n), or lower limits.connections",
                       ec.message());
  }
  if (ec == boost::system::errc::too_many_files_open_in_system) {
    return fmt::format("this machine has no file descriptor left ({}); raise fs.file-max",
                       ec.message());
  }
  return fmt::format("this machine has no memory left for a connection ({}); give it more, or "
                     "lower limits.connections",
                     ec.message());
}

std::string why_no_tls(long verified, const boost::system::error_code& ec) {
  if (verified != X509_V_OK) {
    return fmt::format("certificate refused: {}; {}", X509_verify_cert_error_string(verified),
                       mend_certificate(verified));
  }
  const bool of_openssl = ec.category() == asio::error::get_ssl_category();
  if (of_openssl && ERR_GET_REASON(static_cast<unsigned long>(ec.value())) == SSL_R_WRONG_VERSION_NUMBER) {
    return fmt::format("TLS handshake failed: it does not speak TLS on this port ({}); check the "
                       "port of base_url, or begin it with http://",
                       ec.message());
  }
  return "TLS handshake failed: " + ec.message();
}

}  // namespace farebox
