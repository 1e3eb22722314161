#!/bin/sh
# Makes a certificate authority and leaves for tests, in the directory given.
# Made anew for every run: no key is ever committed, nothing expires in the tree.
#
#   ca.pem                      the authority to trust
#   good.pem      good.key      localhost, api.provider.test, 127.0.0.1, ::1
#   expired.pem   expired.key   the same names, over since years
#   future.pem    future.key    the same names, not yet valid
#   wrong-host.pem  ...         another host's name
#   self-signed.pem ...         the right names, signed by nobody
#   other-ca.pem  ...           the right names, signed by an authority nobody knows
#   client-only.pem ...         the right names, not for servers
#   chained.pem   ...           the right names, by a CA below root.pem, as are the last two
#   weak-signature.pem ...      the right names, signed over SHA-1
#   weak-key.pem  ...           the right names, an RSA key of 1,024 bits
#   constrained.pem ...         the right names, by a CA of ours that may not sign for them
#   by-a-leaf.pem ...           the right names, signed with a certificate that is no CA
set -eu
dir=${1:?usage: make_test_ca.sh DIRECTORY}
mkdir -p "$dir"
cd "$dir"
umask 077

names='DNS:localhost,DNS:api.provider.test,IP:127.0.0.1,IP:::1'

authority() { # file name, common name
  openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
  openssl req -x509 -new -key "$1.key" -subj "/CN=$2" -days 30 -out "$1.pem" \
    -addext 'basicConstraints=critical,CA:TRUE,pathlen:0' \
    -addext 'keyUsage=critical,keyCertSign,cRLSign'
}

# The openssl ca command is the one that can set both ends of the validity.
# An authority below ours: file name, extensions.
below() {
  openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
  printf '%s\n' "$2" > "$1.ext"
  openssl req -new -key "$1.key" -subj "/CN=$1" | openssl x509 -req -CA root.pem -CAkey root.key \
    -days 20 -extfile "$1.ext" -out "$1.pem" 2> /dev/null
  rm -f "$1.ext"
}

leaf() { # file name, authority, names, first day, last day, purpose, digest, RSA bits
  if [ -n "${8-}" ]; then
    openssl genrsa -out "$1.key" "$8" 2> /dev/null
  else
    openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
  fi
  openssl req -new -key "$1.key" -subj "/CN=$1.farebox.test" -out "$1.csr"
  : > "$1.index"
  cat > "$1.cnf" <<END
[ca]
default_ca = one
[one]
database = $1.index
new_certs_dir = .
rand_serial = yes
default_md = ${7:-sha256}
policy = any
x509_extensions = leaf
unique_subject = no
[any]
commonName = supplied
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = $6
subjectAltName = $3
END
  openssl ca -batch -notext -config "$1.cnf" -cert "$2.pem" -keyfile "$2.key" \
    -in "$1.csr" -out "$1.pem" -startdate "$4" -enddate "$5" 2> "$1.log" || {
    cat "$1.log" >&2
    exit 1
  }
  rm -f "$1.csr" "$1.cnf" "$1.log" "$1".index*
}

day() { date -u -d "$1" +%Y%m%d%H%M%SZ; }

authority ca 'farebox test authority'
authority unknown-ca 'another test authority'
leaf good ca "$names" "$(day yesterday)" "$(day '20 days')" serverAuth
leaf expired ca "$names" 20200101000000Z 20200201000000Z serverAuth
leaf future ca "$names" "$(day '10 days')" "$(day '20 days')" serverAuth
leaf wrong-host ca 'DNS:elsewhere.provider.test' "$(day yesterday)" "$(day '20 days')" serverAuth
leaf client-only ca "$names" "$(day yesterday)" "$(day '20 days')" clientAuth
leaf other-ca unknown-ca "$names" "$(day yesterday)" "$(day '20 days')" serverAuth
leaf weak-signature ca "$names" "$(day yesterday)" "$(day '20 days')" serverAuth sha1
leaf weak-key ca "$names" "$(day yesterday)" "$(day '20 days')" serverAuth sha256 1024
# These two have a chain, below a root that may have one: root.pem is what to trust.
openssl ecparam -name prime256v1 -genkey -noout -out root.key
openssl req -x509 -new -key root.key -subj '/CN=farebox test root' -days 30 -out root.pem \
  -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign'
below elsewhere-ca 'basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign
nameConstraints=critical,permitted;DNS:elsewhere.test'
below no-ca 'basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature'
below good-ca 'basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign'
for pair in constrained:elsewhere-ca by-a-leaf:no-ca chained:good-ca; do
  leaf "${pair%%:*}" "${pair##*:}" "$names" "$(day yesterday)" "$(day '20 days')" serverAuth
  cat "${pair##*:}.pem" >> "${pair%%:*}.pem"
done
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 20 \
  -keyout self-signed.key -out self-signed.pem -subj '/CN=self-signed.farebox.test' \
  -addext "subjectAltName=$names" 2> /dev/null
rm -f ./*.pem.new [0-9A-F][0-9A-F]*.pem
