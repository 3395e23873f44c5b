package tinyc1

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"baton-cursor/test/interop/internal/store"

	baton "github.com/conductorone/baton-sdk/pb/c1/connectorapi/baton/v1"
)

// upload is one file that arrived, as the journal shows it.
type upload struct {
	TaskID   string        `json:"taskId"`
	Number   int           `json:"number"`
	Bytes    int64         `json:"bytes"`
	Chunks   int           `json:"chunks"`
	SHA256OK bool          `json:"sha256Ok"`
	IsC1Z    bool          `json:"isC1z"`
	Counts   *store.Counts `json:"counts,omitempty"`
	Sync     *syncSummary  `json:"sync,omitempty"`
	Saved    string        `json:"saved,omitempty"`
}

type syncSummary struct {
	ID    string `json:"id"`
	Type  string `json:"type"`
	Ended bool   `json:"ended"`
}

func (s *service) UploadAsset(stream baton.BatonService_UploadAssetServer) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	if first.GetMetadata() == nil {
		return s.violate("UploadAsset", codes.InvalidArgument, "the first message is no metadata")
	}
	s.mu.Lock()
	owner, err := s.running("UploadAsset", first.GetMetadata().GetTaskId())
	if err == nil && owner.Type != "sync_full" {
		err = s.violate("UploadAsset", codes.FailedPrecondition, "a "+owner.Type+" task uploads nothing")
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	arrived := &upload{TaskID: owner.ID}
	path, err := receive(stream, arrived, s.journal)
	defer os.Remove(path)
	if err != nil {
		return err
	}
	return s.accept(stream, owner, arrived, path)
}

// receive writes the stream to a file and returns its path; the file may be there on an error too.
func receive(stream baton.BatonService_UploadAssetServer, arrived *upload, journal *journal) (string, error) {
	file, err := os.CreateTemp("", "interop-upload-")
	if err != nil {
		return "", err
	}
	digest := sha256.New()
	err = receiveChunks(stream, io.MultiWriter(file, digest), digest, arrived)
	if status.Code(err) == codes.InvalidArgument {
		journal.violation("UploadAsset", err.Error())
	}
	return file.Name(), errors.Join(err, file.Close())
}

func receiveChunks(stream baton.BatonService_UploadAssetServer, out io.Writer, digest hash.Hash, arrived *upload) error {
	short := false
	for {
		message, err := stream.Recv()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return status.Error(codes.InvalidArgument, "the stream ended without an eof message")
			}
			return err
		}
		switch {
		case message.GetData() != nil:
			if short {
				return status.Error(codes.InvalidArgument, "a chunk that is not the last is shorter than 512 KiB")
			}
			chunk := message.GetData().GetData()
			short = len(chunk) < 512<<10
			if _, err := out.Write(chunk); err != nil {
				return err
			}
			arrived.Chunks++
			arrived.Bytes += int64(len(chunk))
		case message.GetEof() != nil:
			arrived.SHA256OK = bytes.Equal(digest.Sum(nil), message.GetEof().GetSha256Checksum())
			if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
				return status.Error(codes.InvalidArgument, fmt.Sprintf("no half-close after eof: %v", err))
			}
			return nil
		default:
			return status.Error(codes.InvalidArgument, "metadata in the middle of the stream")
		}
	}
}

// accept reads what arrived with the SDK and answers the stream. Anything but a c1z is a debug log, asked for or not.
func (s *service) accept(stream baton.BatonService_UploadAssetServer, owner *task, arrived *upload, path string) error {
	var problems []string
	if !arrived.SHA256OK {
		problems = append(problems, "the checksum is wrong")
	}
	arrived.IsC1Z = hasMagic(path)
	if arrived.IsC1Z {
		problems = append(problems, arrived.read(stream.Context(), path)...)
	} else if !owner.Debug {
		problems = append(problems, "what arrived is no c1z")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(problems) == 0 {
		owner.uploads++
	}
	arrived.Number = owner.uploads
	if s.saveDir != "" {
		arrived.Saved = filepath.Join(s.saveDir, fmt.Sprintf("%s-%d.c1z", owner.ID, arrived.Number))
		if err := copyFile(path, arrived.Saved); err != nil {
			return err
		}
	}
	s.journal.event("upload", arrived)
	for _, problem := range problems {
		s.journal.violation("UploadAsset", problem)
	}
	if len(problems) > 0 {
		return status.Error(codes.InvalidArgument, problems[0])
	}
	return stream.SendAndClose(&baton.BatonServiceUploadAssetResponse{})
}

func (u *upload) read(ctx context.Context, path string) []string {
	dump, err := store.NewDump(ctx, path)
	if err != nil {
		return []string{err.Error()}
	}
	u.Counts = &dump.Counts
	problems := dump.Problems
	if len(dump.Syncs) != 1 {
		return append(problems, fmt.Sprintf("the file has %d sync runs", len(dump.Syncs)))
	}
	run := dump.Syncs[0]
	u.Sync = &syncSummary{ID: run.ID, Type: run.Type, Ended: run.EndedAt != ""}
	if !u.Sync.Ended {
		problems = append(problems, "the sync has not ended")
	}
	return problems
}

func hasMagic(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	magic := make([]byte, 5)
	_, err = io.ReadFull(file, magic)
	return err == nil && (string(magic) == "C1ZF\x00" || string(magic) == "C1Z3\x00")
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o600)
}
