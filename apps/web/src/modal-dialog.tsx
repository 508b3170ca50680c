import { type ReactNode, useLayoutEffect, useRef } from "react";

interface ModalDialogProps {
  /** What it is called for those who do not see it. */
  readonly label: string;
  /** Class of the dialog, beside "detail". */
  readonly className?: string;
  readonly contentClassName: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** The browser's own modal dialog: it keeps the focus inside, closes on Escape and gives the focus back. */
export function ModalDialog({ label, className = "", contentClassName, onClose, children }: ModalDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  // Before the element leaves the page: only an open dialog gives the focus back.
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={`detail ${className}`}
      aria-label={label}
      onCancel={(event) => {
        // The dialog of the system in which files are chosen tells that it was closed in the same way.
        if (event.target !== dialog.current) return;
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      <div className={contentClassName}>
        <button type="button" className="close" onClick={onClose} aria-label="Close">
          <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
            <path d="M5 5l10 10M15 5L5 15" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />
          </svg>
        </button>
        {children}
      </div>
    </dialog>
  );
}
