package todo_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/todo"
)

func TestExerciseIsFoundInAWrappedError(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("send: %w", todo.New("01/1"))

	id, ok := todo.Exercise(err)
	require.True(t, ok)
	require.Equal(t, "01/1", id)
	require.Equal(t, "send: exercise 01/1: not done yet", err.Error())
}

func TestOtherErrorsNameNoExercise(t *testing.T) {
	t.Parallel()
	for _, err := range []error{nil, errors.New("boom")} {
		_, ok := todo.Exercise(err)
		require.False(t, ok, "%v", err)
	}
}
