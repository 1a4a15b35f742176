// The transport's floor in another language: a gRPC server in Go whose handlers do nothing, with the
// demo's TLS and answers as large as the validator's. Run as `empty FOLDER READY_FILE CHECK VALIDATE`.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/mem"
)

// bytesCodec passes messages as they are: nothing is decoded here, as in the empty Python handler.
type bytesCodec struct{}

func (bytesCodec) Marshal(message any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(message.([]byte))}, nil
}

func (bytesCodec) Unmarshal(data mem.BufferSlice, message any) error {
	*message.(*[]byte) = data.Materialize()
	return nil
}

func (bytesCodec) Name() string { return "proto" }

func main() {
	folder, ready := os.Args[1], os.Args[2]
	answers := map[string][]byte{
		"/bench.Empty/Check":    make([]byte, number(os.Args[3])),
		"/bench.Empty/Validate": make([]byte, number(os.Args[4])),
	}
	handle := func(_ any, stream grpc.ServerStream) error {
		var request []byte
		if err := stream.RecvMsg(&request); err != nil {
			return err
		}
		method, _ := grpc.MethodFromServerStream(stream)
		return stream.SendMsg(answers[method])
	}
	server := grpc.NewServer(
		grpc.Creds(credentials.NewTLS(mutual(filepath.Join(folder, "tls")))),
		grpc.ForceServerCodecV2(bytesCodec{}),
		grpc.UnknownServiceHandler(handle),
	)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	port := listener.Addr().(*net.TCPAddr).Port
	check(os.WriteFile(ready+".new", []byte(fmt.Sprintln(port)), 0o600))
	check(os.Rename(ready+".new", ready))
	check(server.Serve(listener))
}

func mutual(folder string) *tls.Config {
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, "server.pem"), filepath.Join(folder, "server.key"))
	check(err)
	authority, err := os.ReadFile(filepath.Join(folder, "ca.pem"))
	check(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	return &tls.Config{
		Certificates: []tls.Certificate{pair},
		ClientCAs:    pool,
		ClientAuth:   tls.RequireAndVerifyClientCert,
		MinVersion:   tls.VersionTLS12,
	}
}

func number(text string) int {
	read, err := strconv.Atoi(text)
	check(err)
	return read
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
